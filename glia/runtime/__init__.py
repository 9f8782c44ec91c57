"""Buffers and slots, threads, and the execution of compiled programs."""
