"""The only importers of drivers and openers of connections; rooms above see Protocols and plain values."""
