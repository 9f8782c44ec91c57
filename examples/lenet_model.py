"""LeNet-5 on MNIST with ``gl.Model``, which has the loop inside.

The same steps, and the same weights to the last bit, as lenet_loop.py.

Run: python lenet_model.py [--images 60000] [--seed 0] [--save weights.safetensors]
"""

import argparse

import glia as gl
from glia import nn, optim
from glia.data import MNIST, DataLoader, Subset
from glia.interop import save_file
from glia.metrics import Accuracy
from glia.models import LeNet5
from glia.train import Model
from glia.train.callbacks import LossMonitor

parser = argparse.ArgumentParser()
parser.add_argument("--images", type=int, default=60_000, help="training pictures to use")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--save", help="write the weights to this file")
arguments = parser.parse_args()

gl.manual_seed(arguments.seed)
net = LeNet5()
opt = optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
train_set = Subset(MNIST("train"), range(arguments.images))
train_data = DataLoader(train_set, batch_size=32, shuffle=True)

model = Model(net, nn.CrossEntropyLoss(), opt, metrics={"accuracy": Accuracy()})
model.train(epochs=1, data=train_data, callbacks=[LossMonitor(125)])

test_data = DataLoader(Subset(MNIST("test"), range(1000)), batch_size=500)
print(f"right: {1000 * model.eval(test_data)['accuracy']:.0f} of the first 1000 test pictures")

if arguments.save:
    save_file(net.state_dict(), arguments.save)
