"""The one intermediate representation: interned expressions over a table of primitive ops."""
