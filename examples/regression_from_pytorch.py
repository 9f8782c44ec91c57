"""A PyTorch program of a deep-learning course; only its import lines are changed.

It fits y = cos x + noise with a small net. In PyTorch the first lines are ``import torch`` and
``from torch import nn``.
"""

import math

import numpy as np

import glia as torch
from glia import nn

x = np.arange(0, 5, 0.1)
y = np.array([math.cos(i) + np.random.uniform(-0.1, 0.1) for i in x])


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()  # noqa: UP008
        self.fc = nn.Sequential(nn.Linear(1, 10), nn.ReLU(), nn.Linear(10, 1))

    def forward(self, x):
        return self.fc(x)


net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
loss_func = nn.MSELoss()

X = torch.from_numpy(x).float()
Y = torch.from_numpy(y).float()
loss_all = []
for _e in range(3000):
    outputs = net(X.view(-1, 1, 1))
    loss = loss_func(outputs.view(-1), Y.view(-1).float())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    loss_all.append(loss.detach().numpy())

predict = net(X.view(-1, 1, 1))
y_pre = predict.view(-1).detach().numpy()

print(f"loss {loss_all[0]:.4f} -> {loss_all[-1]:.4f}")
