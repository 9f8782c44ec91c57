"""Data sets, loaders, and readers of the files they come from."""

from glia.data.arrays import default_collate
from glia.data.dataset import ConcatDataset, Dataset, Subset, TensorDataset, random_split
from glia.data.idx import read_idx, write_idx
from glia.data.loader import DataLoader
from glia.data.mnist import MNIST, MNIST_MEAN, MNIST_STD, load_mnist, prepare_images
from glia.data.picture import read_picture
from glia.data.reviews import Reviews, load_reviews, read_reviews
from glia.data.sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from glia.data.source import ImageData, open_images
from glia.data.text import Segmenter, Vocabulary

__all__ = [
    "MNIST",
    "MNIST_MEAN",
    "MNIST_STD",
    "BatchSampler",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "ImageData",
    "Reviews",
    "Segmenter",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "Vocabulary",
    "WeightedRandomSampler",
    "default_collate",
    "load_mnist",
    "load_reviews",
    "open_images",
    "prepare_images",
    "random_split",
    "read_idx",
    "read_picture",
    "read_reviews",
    "write_idx",
]
