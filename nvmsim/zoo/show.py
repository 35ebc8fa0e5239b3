"""What ``nvmsim models`` prints."""

from nvmsim.text_table import aligned
from nvmsim.zoo.card import card_names, load_card


def list_models() -> str:
    """List the bundled networks, one a line.

    >>> next(line for line in list_models().splitlines() if "mnist-cnn" in line).split()[:3]
    ['mnist-cnn', 'mnist', '329962']
    """
    rows = [("name", "data set", "weights", "accuracy", "")]
    trained = card_names()
    for name in card_names(trained=False):
        card = load_card(name, trained=name in trained)
        known = (str(card.n_weights), f"{card.accuracy:.2%}") if name in trained else ("", "not trained")
        rows.append((card.name, card.dataset, *known, card.source))
    hint = "a folder with a card.yaml works in place of a name; nvmsim train NAME trains one anew by its recipe"
    return "\n".join([*aligned(rows), "", hint])
