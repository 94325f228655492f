"""Classifiers: a neural network or boosted trees per region and fold of events, as ONNX with a model card."""
