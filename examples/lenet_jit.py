"""LeNet-5 on MNIST with the training step as one compiled call.

The same steps, and the same weights to the last bit, as lenet_loop.py. Inside a function under
``gl.jit`` nothing is read back (no ``item()``, no ``numpy()``); what it returns is.

Run: python lenet_jit.py [--images 60000] [--seed 0] [--save weights.safetensors]
"""

import argparse

import glia as gl
from glia import nn, optim
from glia.data import MNIST, DataLoader, Subset
from glia.interop import save_file
from glia.models import LeNet5

parser = argparse.ArgumentParser()
parser.add_argument("--images", type=int, default=60_000, help="training pictures to use")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--save", help="write the weights to this file")
arguments = parser.parse_args()

gl.manual_seed(arguments.seed)
net = LeNet5()
loss_fn = nn.CrossEntropyLoss()
opt = optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
train_set = Subset(MNIST("train"), range(arguments.images))
train_data = DataLoader(train_set, batch_size=32, shuffle=True)


@gl.jit
def step(x, y):
    loss = loss_fn(net(x), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    return loss.detach()


@gl.jit
def count_right(x, y):
    with gl.no_grad():
        return (net(x).argmax(1) == y).float().sum()


net.train()
for number, (x, y) in enumerate(train_data, 1):  # x (32, 1, 32, 32), y (32,)
    loss = step(x, y)
    if number % 125 == 0:
        print(f"step {number}: loss {loss.item():.4f}")

net.eval()
test_data = DataLoader(Subset(MNIST("test"), range(1000)), batch_size=500)
right = sum(count_right(x, y).item() for x, y in test_data)
print(f"right: {right:.0f} of the first 1000 test pictures")

if arguments.save:
    save_file(net.state_dict(), arguments.save)
