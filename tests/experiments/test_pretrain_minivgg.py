"""Pretraining: reading the archive, folding, resuming after an interruption, what is shipped."""

import hashlib
import io
import json
import tarfile
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from PIL import Image

from conftest import skip_or_fail
from course_experiments import pretrain_minivgg as pretrain
from course_utils.backbones import load_backbone
from course_utils.editions import current_edition
from course_utils.weights.minivgg import build_minivgg, minivgg_card

WNIDS = ["n03", "n01", "n02"]
COLOURS = {"n01": "red", "n02": "lime", "n03": "blue", "n04": "white", "n05": "black"}


@pytest.fixture(autouse=True)
def float32_afterwards():
    yield
    keras.config.set_dtype_policy("float32")


# ---------------------------------------------------------------- the archive


def jpeg(colour: str, mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), colour).convert(mode).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def official_files() -> dict[str, bytes]:
    """Five classes in the layout of Tiny ImageNet: 3 training, 2 validation images of each."""
    files, answers = {}, []
    for wnid, colour in COLOURS.items():
        for i in range(3):
            mode = "L" if (wnid, i) == ("n03", 2) else "RGB"  # some of the real ones are grey
            files[f"train/{wnid}/images/{wnid}_{i}.JPEG"] = jpeg(colour, mode)
        files[f"train/{wnid}/{wnid}_boxes.txt"] = b"boxes"
        for _ in range(2):
            name = f"val_{len(answers)}.JPEG"
            files[f"val/images/{name}"] = jpeg(colour)
            answers.append(f"{name}\t{wnid}\t0\t0\t62\t62")
    words = [f"{wnid}\tthe {colour}, a colour" for wnid, colour in COLOURS.items()]
    files["test/images/test_0.JPEG"] = jpeg("gray")
    files["val/val_annotations.txt"] = "\n".join(answers).encode()
    files["words.txt"] = "\n".join([*words, "n99\tanything else"]).encode()
    files["wnids.txt"] = "\n".join(COLOURS).encode()
    return {f"tiny-imagenet-200/{name}": content for name, content in files.items()}


def write_zip(path: Path, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.mkdir("tiny-imagenet-200")
        for name, content in files.items():
            archive.writestr(name, content)


def write_tar(path: Path, files: dict[str, bytes]) -> None:
    with tarfile.open(path, "w:gz") as archive:
        folder = tarfile.TarInfo("tiny-imagenet-200")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, content in reversed(files.items()):  # the order must not matter
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_archive_is_read_and_other_classes_are_left_out(write, official_files, tmp_path):
    write(tmp_path / "archive", official_files)
    (images, labels), (valid, answers), names = pretrain.read_archive(tmp_path / "archive", WNIDS)
    assert images.shape == (9, 64, 64, 3)
    assert valid.shape == (6, 64, 64, 3)
    assert images.dtype == valid.dtype == np.uint8
    assert sorted(labels) == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert sorted(answers) == [0, 0, 1, 1, 2, 2]
    assert names == ["the blue", "the red", "the lime"]
    channel = {0: 2, 1: 0, 2: 1}  # blue, red, green
    for image, label in [*zip(valid, answers, strict=True), *zip(images, labels, strict=True)]:
        mean = image.mean(axis=(0, 1))
        grey = np.ptp(mean) < 2
        assert grey or mean.argmax() == channel[label]


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A mirror with small archives, whose checksums are known."""
    content = {pretrain.SMALL_ARCHIVE: b"100 classes", pretrain.ARCHIVE: b"200 classes"}
    for name, archive in content.items():
        (tmp_path / name).write_bytes(archive)
    sums = {name: hashlib.sha256(archive).hexdigest() for name, archive in content.items()}
    monkeypatch.setattr(pretrain, "SUMS", sums)
    monkeypatch.setenv("COURSE_MIRROR", str(tmp_path))
    return tmp_path


def test_small_archive_of_a_mirror_is_preferred(mirror):
    assert pretrain.fetch_archive() == mirror / pretrain.SMALL_ARCHIVE
    (mirror / pretrain.SMALL_ARCHIVE).unlink()
    assert pretrain.fetch_archive() == mirror / pretrain.ARCHIVE


def test_damaged_archive_of_a_mirror_is_refused(mirror):
    (mirror / pretrain.SMALL_ARCHIVE).write_bytes(b"half")
    with pytest.raises(ValueError, match=r"tiny-imagenet-100\.tar\.gz is damaged: replace it"):
        pretrain.fetch_archive()


def test_archive_is_downloaded_where_no_mirror_has_it(mirror, monkeypatch):
    for archive in list(mirror.iterdir()):
        archive.unlink()
    asked = []
    monkeypatch.setattr(
        pretrain.pooch, "retrieve", lambda *args, **options: asked.append(args) or args[2]
    )
    assert pretrain.fetch_archive() == Path(pretrain.ARCHIVE)
    assert asked[0][0] == "http://cs231n.stanford.edu/tiny-imagenet-200.zip"
    assert asked[0][1].startswith("sha256:")


# ---------------------------------------------------------------- folding


@pytest.fixture(scope="module")
def trained():
    """A network as after training: every normalisation has statistics of its own."""
    keras.utils.set_random_seed(0)
    model = pretrain.build_trainable(5)
    generator = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, pretrain.FusedBatchNorm):
            channels = layer.gamma.shape[0]
            layer.set_weights(
                [
                    generator.uniform(0.5, 1.5, channels),  # gamma
                    generator.normal(0.3, 0.3, channels),  # beta
                    generator.normal(0, 0.3, channels),  # mean
                    generator.uniform(0.1, 1.0, channels),  # variance
                ]
            )
    return model


def difference_after_folding(trained, plain) -> float:
    """Largest difference in the features, in their standard deviations, or the probabilities."""
    images = np.random.default_rng(1).uniform(0, 2, (4, 64, 64, 3)).astype("float32")
    probabilities = tf.nn.softmax(trained(images, training=False))
    features, folded = (
        keras.Model(model.input, model.get_layer("avg_pool").output)(images).numpy()
        for model in (trained, plain)
    )
    assert features.std() > 0.01
    return max(
        np.abs(plain(images) - probabilities).max(),
        np.abs(folded - features).max() / features.std(),
    )


def test_folding_leaves_the_outputs_the_same(trained):
    plain = build_minivgg(5)
    pretrain.fold(trained, plain)
    assert difference_after_folding(trained, plain) < 1e-3
    kinds = {type(layer) for layer in plain.layers}
    assert pretrain.FusedBatchNorm not in kinds
    assert layers.BatchNormalization not in kinds


@pytest.mark.parametrize("statistic", range(4))
@pytest.mark.parametrize("layer", ["block1_conv1_bn", "block4_conv2_bn", "block5_conv3_bn"])
def test_folding_with_another_statistic_is_noticed(layer, statistic, trained):
    norm = trained.get_layer(layer)
    original = norm.get_weights()
    changed = [weight.copy() for weight in original]
    changed[statistic][:4] += 0.5
    plain = build_minivgg(5)
    norm.set_weights(changed)
    pretrain.fold(trained, plain)
    norm.set_weights(original)
    assert difference_after_folding(trained, plain) > 1e-3


def test_fused_normalisation_is_keras_own():
    ours, theirs = pretrain.FusedBatchNorm(), layers.BatchNormalization(momentum=0.99)
    generator = np.random.default_rng(0)
    for training in (True, True, False):
        images = generator.normal(2, 3, (8, 5, 5, 3)).astype("float32")
        expected = theirs(images, training=training)
        found = ours(images, training=training)
        np.testing.assert_allclose(found, expected, atol=1e-4 if training else 1e-2)
    # Keras keeps the variance of the batch over n, the kernel over n - 1: 200 values a channel
    for weight, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(weight, other, rtol=1e-2, atol=1e-6)


def test_export_writes_half_precision_and_a_card(trained, tmp_path):
    names = ["a", "b", "c", "d", "é"]
    card = pretrain.export(trained, names, lambda plain: {"top1": plain.name}, tmp_path)
    text = (tmp_path / "minivgg.json").read_text(encoding="utf-8")
    assert json.loads(text) == card
    assert (card["classes"], card["top1"]) == (names, "minivgg")
    weights = (tmp_path / "minivgg.weights.h5").read_bytes()
    assert card["sha256"] == hashlib.sha256(weights).hexdigest()
    assert card["parameters"] == 3_680_160 + 5 * 256 + 5
    assert (tmp_path / "minivgg.weights.h5").stat().st_size < 2.1 * card["parameters"]
    loaded, plain = build_minivgg(5), build_minivgg(5)
    loaded.load_weights(tmp_path / "minivgg.weights.h5")
    pretrain.fold(trained, plain)
    for weight, exact in zip(loaded.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(weight, exact, rtol=1e-3, atol=1e-6)
        assert weight.dtype == np.float32


# ---------------------------------------------------------------- training


@pytest.fixture
def tiny(monkeypatch):
    """A network, batches and images so small that an epoch takes a second."""
    monkeypatch.setattr(pretrain, "BLOCKS", ((1, 4),) * 5)
    monkeypatch.setattr(pretrain, "BATCH", 4)
    monkeypatch.setattr(pretrain, "STAGES", ((0.5, 32), (1.0, 48)))
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (18, 64, 64, 3), dtype="uint8")
    return (images[:12], np.arange(12) % 3), (images[12:], np.arange(6) % 3)


def interrupt_second_epoch(monkeypatch):
    original = pretrain.training_batches

    def interrupted(images, labels, side, seed):
        if side == 48:
            raise KeyboardInterrupt
        return original(images, labels, side, seed)

    monkeypatch.setattr(pretrain, "training_batches", interrupted)


def interrupt_second_writing(monkeypatch):
    original, calls = tf.train.Checkpoint.write, []

    def interrupted(checkpoint, prefix):
        calls.append(prefix)
        if len(calls) == 2:
            Path(f"{prefix}.index").write_bytes(b"half")
            raise KeyboardInterrupt
        return original(checkpoint, prefix)

    monkeypatch.setattr(tf.train.Checkpoint, "write", interrupted)


@pytest.mark.parametrize("interrupt", [interrupt_second_epoch, interrupt_second_writing])
def test_interrupted_training_goes_on_where_it_stopped(interrupt, tiny, tmp_path, capsys):
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    whole, _ = pretrain.train(*tiny, epochs=2, seed=5, state=tmp_path / "whole")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt(patch)
        pretrain.train(*tiny, epochs=2, seed=5, state=tmp_path / "parts")
    epochs, before, _ = json.loads((tmp_path / "parts" / "progress.json").read_text())
    assert epochs == 1
    capsys.readouterr()

    resumed, seconds = pretrain.train(*tiny, epochs=2, seed=5, state=tmp_path / "parts")
    output = capsys.readouterr().out
    assert "resuming after epoch 1 of 2" in output
    assert "epoch 2/2 side 48" in output
    assert "epoch 1/2" not in output
    assert seconds > before
    assert int(resumed.optimizer.iterations) == int(whole.optimizer.iterations) == 2 * (12 // 4)
    for weight, other in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(weight, other, rtol=1e-3, atol=1e-4)


def test_finished_training_is_not_repeated(tiny, tmp_path, capsys):
    first, seconds = pretrain.train(*tiny, epochs=1, seed=5, state=tmp_path)
    capsys.readouterr()
    again, same_seconds = pretrain.train(*tiny, epochs=1, seed=5, state=tmp_path)
    assert "epoch 1/1" not in capsys.readouterr().out
    assert same_seconds == seconds
    for weight, other in zip(again.get_weights(), first.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, other)


@pytest.mark.parametrize("side", [32, 64])
def test_crops_keep_colour_and_label_together(side, monkeypatch):
    monkeypatch.setattr(pretrain, "BATCH", 4)
    colours = np.random.default_rng(0).integers(0, 256, (10, 3), dtype="uint8")
    images = np.broadcast_to(colours[:, None, None], (10, 64, 64, 3))
    seen = []
    for crops, labels in pretrain.training_batches(images, np.arange(10), side, seed=0):
        assert crops.shape == (4, side, side, 3)
        expected = keras.applications.vgg16.preprocess_input(images[labels.numpy()] * 1.0)
        np.testing.assert_allclose(crops, expected[:, :side, :side], atol=1e-3)
        seen += labels.numpy().tolist()
    assert len(set(seen)) == 8  # what does not fill a batch is left out


def test_rate_rises_for_15_percent_and_falls_to_zero():
    rate = pretrain.OneCycle(0.2, 1000)
    values = np.array([float(rate(step)) for step in range(0, 1001, 10)])
    assert values[0] == 0
    assert values.argmax() == 15
    assert values.max() == pytest.approx(0.2)
    assert values[-1] == pytest.approx(0, abs=1e-6)
    assert (np.diff(values[:16]) > 0).all()
    assert (np.diff(values[15:]) < 0).all()


def test_accuracy_counts_first_and_first_five():
    class Oracle:
        """Gives the right class the ranks 1, 2, 5 and 6."""

        def predict(self, images, **options):
            scores = np.tile(np.arange(10.0), (4, 1))
            scores[range(4), [0, 1, 2, 3]] = [99, 8.5, 5.5, 4.5]
            return scores

    images = np.zeros((4, 64, 64, 3), "uint8")
    assert pretrain.accuracy(Oracle(), images, np.arange(4)) == (0.25, 0.75)


# ---------------------------------------------------------------- what is shipped


def validation_images(archive: Path, wnids: list[str]):
    """The validation part of the archive alone: decoding all of it takes a minute."""
    files, answers = {}, {}
    for name, data in pretrain.members(archive):
        if "/val/images/" in name:
            files[name.rpartition("/")[2]] = data
        elif name.endswith("val_annotations.txt"):
            answers = dict(line.split("\t")[:2] for line in data.decode().splitlines())
    samples = [(files[name], wnids.index(answers[name])) for name in sorted(files)]
    chosen = np.random.default_rng(0).permutation(len(samples))[:1000]
    return pretrain.decode([samples[i] for i in chosen])


def test_shipped_weights_have_the_accuracy_of_their_card():
    mirror = current_edition().mirror
    if mirror is None:
        pytest.skip("COURSE_MIRROR is not set")
    archive = mirror / "tiny-imagenet-100.tar.gz"
    if not archive.exists():
        skip_or_fail("COURSE_MIRROR names no folder that holds tiny-imagenet-100.tar.gz")
    wnids = Path(pretrain.__file__).with_name("tiny_imagenet_100.txt").read_text().split()
    images, labels = validation_images(archive, wnids)
    card, model = minivgg_card(), load_backbone("minivgg", include_top=True).model
    for measured, promised in zip(
        pretrain.accuracy(model, images, labels), (card["top1"], card["top5"]), strict=True
    ):
        # Three standard deviations of a share among 1000
        assert abs(measured - promised) <= 3 * np.sqrt(promised * (1 - promised) / len(labels))
    shuffled = np.random.default_rng(1).permutation(labels)
    assert pretrain.accuracy(model, images, shuffled)[0] < 0.05  # 100 classes: chance is 0.01
