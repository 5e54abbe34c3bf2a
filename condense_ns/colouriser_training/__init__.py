"""A colouriser of one's own: photographs in, an ONNX file for ``condense lift --operator colourise:…`` out."""
