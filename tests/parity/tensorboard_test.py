"""The event files of runs, read by TensorBoard's own reader and by the backend of its page HPARAMS."""
import io
import json
import math
import shutil

import pictures
from programs import Scratch
from report import check
from trainer import DATA_NAME, Trainer

COMMON = {"image_size": 64, "image_channel": 3, "batch_size": 4, "seed": 3}
ENCODER = {**COMMON, "base_channels": 4, "bottleneck": 16}
WHOLE = {**COMMON, "model": "harmonic_unet", "base_channels": 16}
LOSSES = {"rec_loss", "learning_rate_gene", "images_per_second"}
ADVERSARIAL = {"disc_acc", "adv_gene_loss", "gene_loss", "disc_loss", "learning_rate_disc", "tv_loss", "disc_loss_ori",
               "gene_decay_loss", "disc_decay_loss"}
LOGGED = LOSSES - {"rec_loss"} | {"learning_rate_disc", "tv_loss", "disc_loss_ori", "gene_decay_loss", "disc_decay_loss"}
NORMS = {"gradient_norm/generator"}
SHEETS = ["pictures", "filled", "holes"]  # files _0, _1, _2


class Expected:
    """What a model's event files hold."""

    def __init__(self, flags, norms, terms, sheets, others=frozenset()):
        self.flags, self.norms, self.sheets = flags, norms, sheets
        self.shares = {f"loss_share/{term}" for term in terms}
        self.scalars = LOSSES | others | self.norms | self.shares


MODELS = {
    "context encoder": Expected(ENCODER, NORMS | {"gradient_norm/discriminator"}, ("rec", "adv", "tv"), SHEETS, ADVERSARIAL),
    "whole-picture model": Expected(WHOLE, NORMS, ("l1", "rms"), [*SHEETS, "harmonic"]),
}


def read(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0, "images": 0})
    events.Reload()
    return events


def steps_of(points):
    return [point.step for point in points]


def check_scalars(events, expected, log):
    found = set(events.Tags()["scalars"])
    check(found == expected.scalars, f"scalars {sorted(found ^ expected.scalars)} too many or missing")
    for tag in expected.scalars:
        points = events.Scalars(tag)
        check(steps_of(points) == [1, 2, 3, 4, 5], f"{tag}: steps {steps_of(points)}")
        if tag in LOGGED:
            for point, line in zip(points, log):
                check(abs(point.value - line[tag]) <= 1e-6 * abs(line[tag]),
                      f"{tag} of step {point.step} is {point.value}, and {line[tag]} in the log")
    for tag in expected.norms:
        check(all(0 < point.value < math.inf for point in events.Scalars(tag)), f"{tag}: {events.Scalars(tag)}")
    for step in range(5):
        shares = [events.Scalars(tag)[step].value for tag in expected.shares]
        check(all(0 < share < 1 for share in shares) and abs(sum(shares) - 1) < 1e-6, f"shares {shares}")


def check_samples(events, expected, folder):
    """The images are the sample files, at the first step of each epoch: three batches, so the steps 1 and 4."""
    from PIL import Image
    found = set(events.Tags()["images"])
    check(found == {f"sample/{shows}" for shows in expected.sheets}, f"images {sorted(found)}")
    for number, shows in enumerate(expected.sheets):
        images = events.Images(f"sample/{shows}")
        check(steps_of(images) == [1, 4], f"sample/{shows}: steps {steps_of(images)}")
        for epoch, image in enumerate(images):
            check(image.encoded_image_string == (folder / f"{epoch}_{number}.png").read_bytes(),
                  f"sample/{shows} of epoch {epoch} is another picture than {epoch}_{number}.png")
            with Image.open(io.BytesIO(image.encoded_image_string)) as decoded:
                decoded.load()
                size = (decoded.format, decoded.mode, decoded.width, decoded.height)
            check(size == ("PNG", "RGB", 128, 128), f"sample/{shows} is {size}")  # 2 x 2 pictures
            check((image.width, image.height) == (128, 128), f"sample/{shows} says {image.width} x {image.height}")


def check_settings(events, steps):
    check(events.SummaryMetadata("settings").plugin_data.plugin_name == "text", "plugin of the settings")
    texts = events.Tensors("settings")
    check(steps_of(texts) == steps, f"settings at {steps_of(texts)}")
    for text in texts:
        lines = text.tensor_proto.string_val[0].decode().splitlines()
        check(all(line.startswith("    ") for line in lines), "a line of the settings that is not indented")
        check(any("batch_size" in line and line.endswith("4") for line in lines), f"no batch_size in {lines}")


def reader_agrees(programs, expected):
    with Scratch() as scratch:
        trainer = Trainer(programs, scratch, expected.flags, pictures.make(12, 64, 3, 91))
        trainer.run("run", 3)
        log = trainer.run("run", 5).log
        folder = trainer.place("run", "logs")
        files = list(folder.glob("events.out.tfevents.*"))
        check(len(files) == 2, f"{len(files)} event files of two starts")
        events = read(folder)
        check_scalars(events, expected, log)
        check_samples(events, expected, trainer.place("run", "samples") / "train")
        check_settings(events, [1, 4])
    return f"{len(expected.scalars)} scalars of 5 steps, {len(expected.sheets)} samples of 2 epochs, the settings of 2 starts"


def steps_come_once(programs, expected):
    """A run whose last steps were not saved makes them again: the reader has each point once, the newer one."""
    with Scratch() as scratch:
        trainer = Trainer(programs, scratch, expected.flags, pictures.make(12, 64, 3, 91))
        trainer.run("run", 2)
        checkpoints, kept = trainer.place("run", "checkpoints"), scratch.path / "kept"
        shutil.copytree(checkpoints, kept)
        trainer.run("run", 5)
        shutil.rmtree(checkpoints)
        shutil.copytree(kept, checkpoints)
        log = trainer.run("run", 5).log
        folder = trainer.place("run", "logs")
        files = sorted(folder.glob("events.out.tfevents.*"))
        check(len(files) == 3, f"{len(files)} event files of three starts")
        events = read(folder)
        check_scalars(events, expected, log)
        check_samples(events, expected, trainer.place("run", "samples") / "train")
        newest = read(files[-1]).Scalars("rec_loss")
        check(steps_of(newest) == [3, 4, 5], f"the last file has steps {steps_of(newest)}")
        check(events.Scalars("rec_loss")[2:] == newest, "the points of steps that came again are the older ones")
    return "steps 3 to 5 of 5 twice, in 3 files"


def hparams_backend(folder):
    """The columns and rows that the page HPARAMS shows of a folder, sorted by the gain of the validation."""
    from tensorboard import context
    from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
    from tensorboard.plugins import base_plugin
    from tensorboard.plugins.hparams import api_pb2, backend_context, get_experiment, list_session_groups
    runs = plugin_event_multiplexer.EventMultiplexer().AddRunsFromDirectory(str(folder))
    runs.Reload()
    provider = data_provider.MultiplexerDataProvider(runs, str(folder))
    backend = backend_context.Context(base_plugin.TBContext(data_provider=provider))
    experiment = get_experiment.Handler(context.RequestContext(), backend, "", api_pb2.GetExperimentRequest()).run()
    by_gain = api_pb2.ColParams(metric=api_pb2.MetricName(tag="validate/gain"), order=api_pb2.ORDER_DESC)
    rows = list_session_groups.Handler(
        context.RequestContext(), backend, "",
        api_pb2.ListSessionGroupsRequest(start_index=0, slice_size=10, col_params=[by_gain],
                                         allowed_statuses=[api_pb2.STATUS_UNKNOWN, api_pb2.STATUS_SUCCESS])).run()
    return experiment, rows.session_groups


def check_row(row, flags, log, complete):
    from tensorboard.plugins.hparams import api_pb2
    for name, value in flags.items():
        got = row.hparams[name]
        got = got.number_value if got.HasField("number_value") else got.string_value
        check(got == value, f"{row.name}: {name} is {got}, and was {value}")
    check(not row.hparams["use_l1"].bool_value and row.hparams["use_l1"].HasField("bool_value"), "use_l1 is no switch")
    check("data_root" not in row.hparams, "data_root is a column, and no weight comes from it")
    last = json.loads(log.read_text().splitlines()[-1])
    scores = {metric.name.tag: metric for metric in row.metric_values}
    for name in [name for name in ("rec_loss", "ssim", "psnr", "gain") if last[name] is not None]:
        metric = scores[f"validate/{name}"]
        check(metric.training_step == last["step"], f"{row.name}: {name} is of step {metric.training_step}")
        check(abs(metric.value - last[name]) <= 1e-6 * abs(last[name]), f"{name} {metric.value}, logged {last[name]}")
    check(("validate/gain" in scores) == (last["gain"] is not None), f"scores {sorted(scores)}")
    session, = row.sessions
    check(session.status == (api_pb2.STATUS_SUCCESS if complete else api_pb2.STATUS_UNKNOWN), f"status {session.status}")
    check(session.start_time_secs > 1.6e9, f"start {session.start_time_secs}")
    check(not complete or session.end_time_secs > session.start_time_secs, f"end {session.end_time_secs}")


def hparams_are_listed(programs):
    """Runs of both models, one gone on from, one broken off: the page has a row for each."""
    from tensorboard.plugins.hparams import api_pb2
    models = {"slow": {**WHOLE, "learning_rate": 0.0002, "warm_up": 0}, "fast": {**WHOLE, "learning_rate": 0.002, "warm_up": 0},
              "gan": ENCODER, "stopped": {**ENCODER, "learning_rate": 0.001}}
    with Scratch() as scratch:
        logs = {}
        for name, flags in models.items():
            trainer = Trainer(programs, scratch, flags, pictures.make(12, 64, 3, 91))
            pictures.make(4, 64, 3, 92).tofile(scratch.path / "data" / f"{DATA_NAME}64_validate.bin")
            if name != "stopped":
                trainer.run(name, 3)
            trainer.run(name, 6)
            logs[name] = trainer.place(name, "logs")
        # What a killed run leaves: all but the last record, which says that it is complete.
        file, = logs["stopped"].glob("events.out.tfevents.*")
        records, at = [], 0
        data = file.read_bytes()
        while at < len(data):
            records.append(at)
            at += 12 + int.from_bytes(data[at:at + 8], "little") + 4
        check(b"session_end_info" in data[records[-1]:], "the last record of a complete run does not say so")
        file.write_bytes(data[:records[-1]])

        experiment, rows = hparams_backend(scratch.path)
        types = {column.name: column.type for column in experiment.hparam_infos}
        check(types["learning_rate"] == types["batch_size"] == api_pb2.DATA_TYPE_FLOAT64, "types of numbers")
        check(types["use_l1"] == api_pb2.DATA_TYPE_BOOL and types["model"] == api_pb2.DATA_TYPE_STRING, "types")
        check([metric.name.tag for metric in experiment.metric_infos] ==
              ["validate/gain", "validate/psnr", "validate/ssim", "validate/rec_loss"], "scores of the columns")
        names = {row.name.split("/")[0]: row for row in rows}
        check(names.keys() == models.keys(), f"rows {sorted(names)}")
        for name, flags in models.items():
            row = names[name]
            check(row.name == str(logs[name].relative_to(scratch.path)), f"a row named {row.name}")
            check_row(row, flags, logs[name] / "validation_log.jsonl", complete=name != "stopped")
        gains = [metric.value for row in rows for metric in row.metric_values if metric.name.tag == "validate/gain"]
        check(len(gains) == 2 and gains == sorted(gains, reverse=True) and gains[0] != gains[1], f"gains in order: {gains}")
    return f"{len(types)} settings and {len(experiment.metric_infos)} scores of {len(rows)} runs"


def run(report, programs):
    for name, expected in MODELS.items():
        report.case(f"tensorboard: {name}", reader_agrees, programs, expected)
        report.case(f"tensorboard: {name}: steps that come again", steps_come_once, programs, expected)
    report.case("tensorboard: hparams", hparams_are_listed, programs)
