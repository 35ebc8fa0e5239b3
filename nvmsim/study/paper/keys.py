"""Every key of a study's file, with what is allowed and its default."""

from nvmsim.accuracy.ranges import SCOPES
from nvmsim.device.schema import Choice, Number, Text
from nvmsim.device.sections import Key
from nvmsim.study.read import ACCURACY, CURVE, LINE, NAME, RBER, ByRate, EncodingText, Many, Rising

KINDS = ("accuracy", "summary", "distortion")
TESTS = ("falling robustness", "rising errors", "higher accuracy", "smaller spread", "fewer outliers")
FIGURES = ("accuracy", "errors", "boxes")
COMMON = {
    "order": Key(Number(whole=True, low=1, high=1000)),
    "kind": Key(Choice(KINDS)),
    "answers": Key(LINE),
    "title": Key(LINE),
    "why": Key(Text(r"(?s).*", "text", most=4000), ""),
}
# What curves may share: a study states it once, a curve may state its own.
SHARED = {
    "model": Key(NAME),
    "encoding": Key(EncodingText()),
    "range_scope": Key(Choice(tuple(SCOPES)), "global"),
    "layers": Key(Many(NAME), ()),
    "rber": Key(Rising(RBER, 1)),
    "rung_rber": Key(Number(above=True, high=0.5)),
    "trials": Key(Number(whole=True, low=1, high=100_000)),
    "images": Key(Number(whole=True, low=1, high=10_000_000)),
    "seed": Key(Number(whole=True, high=2**64 - 1), 0),
}
ACCURACY_ONLY = {
    "figures": Key(Many(Choice(FIGURES)), ()),
    "boxes": Key(Many(CURVE), ()),
}
FLOAT32 = {"float32": Key(ACCURACY), "place": Key(LINE)}
QUOTED = {
    "place": Key(LINE),
    "accuracy": Key(ByRate(ACCURACY), ()),
    "robustness": Key(Rising(RBER, 2), None),
}
CLAIM = {
    "says": Key(LINE),
    "place": Key(LINE),
    "test": Key(Choice(TESTS)),
    "curves": Key(Many(CURVE, 1)),
}
SUMMARY_ROW = {
    "study": Key(NAME),
    "without": Key(CURVE),
    "nulling": Key(CURVE),
    "paper": Key(Rising(RBER, 2)),
}
DISTORTION = {
    "place": Key(LINE),
    "bits": Key(Rising(Number(whole=True, low=2, high=16), 1)),
    "beyond": Key(Rising(Number(whole=True, low=17, high=4096)), ()),
    "networks": Key(Many(NAME), ()),
    "encodings": Key(Many(EncodingText()), ()),
}
