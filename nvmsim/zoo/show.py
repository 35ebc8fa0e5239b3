"""What ``nvmsim models`` prints."""

from nvmsim.text_table import aligned
from nvmsim.zoo.card import card_names, load_card


def list_models() -> str:
    """List the bundled networks, one a line.

    >>> list_models().splitlines()[1].split()[:3]
    ['mnist-cnn', 'mnist', '329962']
    """
    rows = [("name", "data set", "weights", "accuracy", "")]
    for card in map(load_card, card_names()):
        rows.append((card.name, card.dataset, str(card.n_weights), f"{card.accuracy:.2%}", card.source))
    hint = "a folder with a card.yaml works in place of a name; nvmsim train NAME trains one anew by its recipe"
    return "\n".join([*aligned(rows), "", hint])
