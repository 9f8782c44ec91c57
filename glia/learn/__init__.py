"""Ways to learn, from one neuron on: the course's small examples, each one file."""
