"""What a call asks unless told otherwise: the same on the command line and from Python."""

from pathlib import Path

RESULTS = Path("nvmsim-results")  # where results go, under the working folder
MODELS = Path("nvmsim-models")  # where trained networks go
MODEL = "mnist-cnn"
CONDITION = "worn"
SCHEMES = ("ecc", "raw", "nulling", "hamming", "hamming+nulling", "fp16", "fp16+range-check")
RANGE_SCOPE = "global"  # the paper's
TRIALS = 64
BLOCK_IMAGES = 500  # images are classified and counted in blocks of so many
PRECISION = 0.005  # half a point
TIME_LIMIT_S = 35.0  # of sampling: with start, timing and report the default call stays within a minute on two cores

# At 0.05 one bit position of a small layer sees enough flips (conv1 of mnist-cnn, 320 weights: 16 a trial) and layers
# differ; at 0.01, near what the paper's MNIST network bears as a whole (0.012), no cell of ours loses 0.2 points.
SENSITIVITY_RBER = 0.05
SENSITIVITY_SCHEME = "raw"
SENSITIVITY_TRIALS = 16
SENSITIVITY_IMAGES = 500

X = 0.95  # of the undistorted accuracy: the paper's
ROBUSTNESS_SCHEMES = ("raw", "nulling")
ROBUSTNESS_PRECISION = 0.1  # of R: the paper's grids are about as fine
ROBUSTNESS_TRIALS = 1024  # a rate; fewer than 72 prove no R(0.95) from below, see docs/design.md

# 10^12 operations a second of the computer at each place: assumptions, a data-centre GPU's order, an embedded
# accelerator's, and none of its own (bits are used as fast as they are sensed).
TFLOPS = {"host": 100.0, "controller": 4.0, "die": None}
