"""What a call asks unless told otherwise: the same on the command line and from Python."""

from pathlib import Path

RESULTS = Path("nvmsim-results")  # where results go, under the working folder
MODEL = "mnist-cnn"
CONDITION = "worn"
SCHEMES = ("ecc", "raw", "nulling", "hamming", "hamming+nulling", "fp16", "fp16+range-check")
RANGE_SCOPE = "global"  # the paper's
TRIALS = 64
BLOCK_IMAGES = 500  # images are classified and counted in blocks of so many
PRECISION = 0.005  # half a point
TIME_LIMIT_S = 35.0  # of sampling: with start, timing and report the default call stays within a minute on two cores
