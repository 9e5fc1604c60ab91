"""The Hugging Face model server: a transformers model from a folder, run on the CPU.

As KServe's huggingfaceserver: sequence and token classification and fill-mask by V1 and V2 (texts in), text
generation by OpenAI's paths as well. Which task it is, the model's own architecture says. Nothing is
downloaded.
"""

from __future__ import annotations

import os
import sys
import time
import uuid
from pathlib import Path
from typing import Any

from .model import CannotLoad, Missing
from .predictor import Format, Model
from .program import main

TASKS = {
    "ForSequenceClassification": "AutoModelForSequenceClassification",
    "ForTokenClassification": "AutoModelForTokenClassification",
    "ForMaskedLM": "AutoModelForMaskedLM",
    "ForCausalLM": "AutoModelForCausalLM",
    "LMHeadModel": "AutoModelForCausalLM",
    "ForConditionalGeneration": "AutoModelForSeq2SeqLM",
}
PROBABILITIES = "--return_probabilities"


def load(folder: Path) -> Model:
    if not (folder / "config.json").is_file():
        raise Missing(f"{folder}: expected a transformers model (config.json, weights, tokenizer)")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import transformers  # type: ignore[import-not-found, unused-ignore]

    try:
        config = transformers.AutoConfig.from_pretrained(folder)
        architecture = next(iter(config.architectures or ()), "")
        task = next((name for ending, name in TASKS.items() if architecture.endswith(ending)), "")
        if not task:
            raise CannotLoad(f"{folder}: no task is known for the architecture {architecture!r}")
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        model = getattr(transformers, task).from_pretrained(folder).eval()
    except (OSError, ValueError) as problem:
        raise CannotLoad(f"{folder}: cannot be loaded: {str(problem).splitlines()[0]}") from None
    if task in ("AutoModelForCausalLM", "AutoModelForSeq2SeqLM"):
        return generating(model, tokenizer)
    return classifying(model, tokenizer, task)


def texts(given: Any) -> list[str]:
    found = given.ravel().tolist() if hasattr(given, "ravel") else list(given)
    return [each.decode() if isinstance(each, bytes) else str(each) for each in found]


def classifying(model: Any, tokenizer: Any, task: str) -> Model:
    import torch  # type: ignore[import-not-found, unused-ignore]

    def predict(given: Any) -> Any:
        batch = tokenizer(texts(given), padding=True, truncation=True, return_tensors="pt")
        with torch.inference_mode():
            scores = model(**batch).logits
        if task == "AutoModelForMaskedLM":
            return [filled(batch["input_ids"][row], scores[row], tokenizer) for row in range(len(scores))]
        if PROBABILITIES in sys.argv:
            return [dict(enumerate(row.tolist())) for row in scores.softmax(-1)]
        found = scores.argmax(-1)
        return found.numpy() if task == "AutoModelForSequenceClassification" else found.tolist()

    return Model(predict, output="INT64" if task == "AutoModelForSequenceClassification" else "BYTES")


def filled(words: Any, scores: Any, tokenizer: Any) -> str:
    masked = (words == tokenizer.mask_token_id).nonzero(as_tuple=True)[0]
    return str(tokenizer.decode(scores[masked].argmax(-1)))


def generating(model: Any, tokenizer: Any) -> Model:
    import torch

    def write(prompt: str, limit: int) -> tuple[str, int, int]:
        batch = tokenizer(prompt, return_tensors="pt")
        with torch.inference_mode():
            found = model.generate(**batch, max_new_tokens=limit, do_sample=False)[0]
        before = 0 if model.config.is_encoder_decoder else batch["input_ids"].shape[1]
        own = found[before:]
        return str(tokenizer.decode(own, skip_special_tokens=True)), batch["input_ids"].shape[1], len(own)

    def predict(given: Any) -> Any:
        return [write(each, 20)[0] for each in texts(given)]

    def openai(path: str, document: dict[str, Any]) -> dict[str, Any] | None:
        if path not in ("/openai/v1/completions", "/openai/v1/chat/completions"):
            return None
        if document.get("stream"):
            raise ValueError("stream: this server answers whole; leave it out")
        chat = path.endswith("chat/completions")
        given = document.get("messages" if chat else "prompt")
        prompt = talk(given or [], tokenizer) if chat else str(given or "")
        text, asked, said = write(prompt, int(document.get("max_tokens") or 16))
        choice: dict[str, Any] = {"index": 0, "finish_reason": "length"}
        choice |= {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
        return {
            "id": str(uuid.uuid4()), "object": "chat.completion" if chat else "text_completion",
            "created": int(time.time()), "model": document.get("model") or "model", "choices": [choice],
            "usage": {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said},
        }

    return Model(predict, output="BYTES", further=openai)


def talk(messages: list[dict[str, Any]], tokenizer: Any) -> str:
    if getattr(tokenizer, "chat_template", None):
        return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))
    return "\n".join(f"{each.get('role')}: {each.get('content')}" for each in messages) + "\nassistant:"


if __name__ == "__main__":
    main(Format("huggingface", load))
