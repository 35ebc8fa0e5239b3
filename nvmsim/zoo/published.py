"""The data sets that nvmsim knows: addresses, checksums, sizes and terms, as their publishers give them."""

from nvmsim.zoo.archive import Archive
from nvmsim.zoo.cifar import read_cifar
from nvmsim.zoo.files import DataFile, Source
from nvmsim.zoo.idx import read_pair
from nvmsim.zoo.image_files import ImageFiles
from nvmsim.zoo.photos import Photos
from nvmsim.zoo.reviews import Reviews, Tree

# The sha256 are of the files whose md5 are the published ones (f68b3c2d..., d53e105e..., 9fb629c4..., ec29112d...).
# The first address is the one that torchvision's MNIST asks first; the second is the publishers' own page.
MNIST = ImageFiles(
    name="mnist",
    terms="CC BY-SA 3.0 (Yann LeCun, Corinna Cortes)",
    classes=10,
    shape=(1, 28, 28),
    read=read_pair,
    samples={"train": 60_000, "test": 10_000},
    splits={
        "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
        "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
    },
    source=Source(
        folder="mnist",
        urls=("https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/"),
        files=(
            DataFile(
                "train-images-idx3-ubyte.gz",
                9_912_422,
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            ),
            DataFile(
                "train-labels-idx1-ubyte.gz",
                28_881,
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            ),
            DataFile(
                "t10k-images-idx3-ubyte.gz",
                1_648_877,
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                bundled=True,
            ),
            DataFile(
                "t10k-labels-idx1-ubyte.gz",
                4_542,
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                bundled=True,
            ),
        ),
    ),
)

# The md5 and the address are the publishers'. The sha256 are of binary files rebuilt from the pixels and labels of the
# python version, whose batches matched their published md5.
CIFAR_10 = ImageFiles(
    name="cifar-10",
    terms="no licence stated; cite Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009",
    classes=10,
    shape=(3, 32, 32),
    read=read_cifar,
    samples={"train": 50_000, "test": 10_000},
    splits={"train": tuple(f"data_batch_{k}.bin" for k in range(1, 6)), "test": ("test_batch.bin",)},
    source=Source(
        folder="cifar-10-batches-bin",
        urls=("https://www.cs.toronto.edu/~kriz/",),
        archive=Archive("cifar-10-binary.tar.gz", 170_052_171, "c32a1d4ab5d03f1284b67883e8d87530"),
        files=tuple(
            DataFile(name, 30_730_000, sha256)
            for name, sha256 in (
                ("data_batch_1.bin", "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"),
                ("data_batch_2.bin", "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"),
                ("data_batch_3.bin", "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"),
                ("data_batch_4.bin", "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"),
                ("data_batch_5.bin", "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"),
                ("test_batch.bin", "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"),
            )
        ),
    ),
)

# The md5 is the publishers'. The trees are of the 50,000 labelled reviews, whose total sizes are those that other
# catalogues record for the archive's texts.
IMDB = Reviews(
    name="imdb",
    terms="no licence stated; cite Maas et al., Learning Word Vectors for Sentiment Analysis, 2011",
    splits={
        "train": Tree(25_000, 33_132_823, "f7f03ac605380c172d4a2de11f98f9404f51e6c15f2038ca489c82a4780f54a0"),
        "test": Tree(25_000, 32_350_685, "dc92b49931b3ff2e3c9460cdb26df840309aade8e4f169e2b707d6c860427902"),
    },
    source=Source(
        folder="aclImdb",
        urls=("https://ai.stanford.edu/~amaas/data/sentiment/",),
        archive=Archive("aclImdb_v1.tar.gz", 84_125_825, "7c2ac02c03563afcf9b574c7e56c153a"),
        files=(),
    ),
)

CATS_DOGS = Photos(
    name="cats-dogs",
    terms="Kaggle's rules of the competition Dogs vs. Cats; an account is needed",
    folder="cats-dogs",
    labels=("cat", "dog"),
    page="https://www.kaggle.com/c/dogs-vs-cats/data",
)
