"""The event files of a run that was stopped and went on, read by TensorBoard's own reader."""
import pictures
from programs import Scratch
from report import check
from trainer import Trainer

COMMON = {"image_size": 64, "image_channel": 3, "batch_size": 4, "seed": 3}
ENCODER = {**COMMON, "base_channels": 4, "bottleneck": 16}
WHOLE = {**COMMON, "model": "harmonic_unet", "base_channels": 16}
SCALARS = {"rec_loss", "learning_rate_gene", "images_per_second"}
ADVERSARIAL = {"disc_acc", "adv_gene_loss", "gene_loss", "disc_loss", "learning_rate_disc", "tv_loss", "disc_loss_ori",
               "gene_decay_loss", "disc_decay_loss"}
LOGGED = SCALARS - {"rec_loss"} | {"learning_rate_disc", "tv_loss", "disc_loss_ori", "gene_decay_loss", "disc_decay_loss"}


def reader_agrees(programs, flags, tags):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    with Scratch() as scratch:
        trainer = Trainer(programs, scratch, flags, pictures.make(12, 64, 3, 91))
        trainer.run("run", 3)
        log = trainer.run("run", 5).log
        folder = trainer.place("run", "logs")
        files = list(folder.glob("events.out.tfevents.*"))
        check(len(files) == 2, f"{len(files)} event files of two starts")
        events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0})
        events.Reload()
        found = events.Tags()
        check({tag for tag in found["scalars"] if "/" not in tag} == tags, f"scalars {sorted(found['scalars'])}")
        for tag in tags:
            points = events.Scalars(tag)
            check([point.step for point in points] == [1, 2, 3, 4, 5], f"{tag}: steps {[point.step for point in points]}")
            if tag in LOGGED:
                for point, line in zip(points, log):
                    check(abs(point.value - line[tag]) <= 1e-6 * abs(line[tag]),
                          f"{tag} of step {point.step} is {point.value}, and {line[tag]} in the log")
        check("settings" in found["tensors"], f"texts {found['tensors']}")
        check(events.SummaryMetadata("settings").plugin_data.plugin_name == "text", "plugin of the settings")
        texts = events.Tensors("settings")
        check([text.step for text in texts] == [1, 4], f"settings at {[text.step for text in texts]}")
        for text in texts:
            lines = text.tensor_proto.string_val[0].decode().splitlines()
            check(all(line.startswith("    ") for line in lines), "a line of the settings that is not indented")
            check(any("batch_size" in line and line.endswith("4") for line in lines), f"no batch_size in {lines}")
    return f"{len(tags)} scalars of 5 steps, the settings of 2 starts"


def run(report, programs):
    report.case("tensorboard: context encoder", reader_agrees, programs, ENCODER, SCALARS | ADVERSARIAL)
    report.case("tensorboard: whole-picture model", reader_agrees, programs, WHOLE, SCALARS)
