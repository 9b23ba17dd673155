//! The encodings of the grid services as ROBUST speaks them (grid services fact sheet): forms in, XML out.
