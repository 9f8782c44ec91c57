"""LeNet-5 on MNIST with a plain training loop, as one writes it in PyTorch.

Run: python lenet_loop.py [--images 60000] [--seed 0] [--save weights.safetensors]
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

net.train()
for number, (x, y) in enumerate(train_data, 1):  # x (32, 1, 32, 32), y (32,)
    loss = loss_fn(net(x), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if number % 125 == 0:
        print(f"step {number}: loss {loss.item():.4f}")

net.eval()
right = 0
with gl.no_grad():
    for x, y in DataLoader(Subset(MNIST("test"), range(1000)), batch_size=500):
        right += (net(x).argmax(1) == y).float().sum().item()
print(f"right: {right:.0f} of the first 1000 test pictures")

if arguments.save:
    save_file(net.state_dict(), arguments.save)
