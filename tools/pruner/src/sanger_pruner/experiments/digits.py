"""scikit-learn's handwritten digits with a small vision transformer: every one of the 8 x 8 pixels is a patch, so
that attention runs over 65 tokens."""

from __future__ import annotations

from typing import Any

import torch
import transformers
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn

from .runner import DENSE, Experiment, sanger_variants, static_variant


class Digits(Experiment):
    """Accuracy in percent on a quarter of the 1797 images, the same quarter for every seed."""

    name = "digits"
    metric = "accuracy"
    learning_rate = 3e-3
    batch = 64

    def __init__(self, quick: bool = False) -> None:
        images, labels = load_digits(return_X_y=True)
        parts = train_test_split(images, labels, test_size=0.25, random_state=0, stratify=labels)
        tensors = [torch.as_tensor(part) for part in parts]
        self.images, self.test_images = (x.float().reshape(-1, 1, 8, 8) / 8 - 1 for x in tensors[:2])
        self.labels, self.test_labels = tensors[2:]
        if quick:
            self.test_images, self.test_labels = self.test_images[:50], self.test_labels[:50]
        self.steps, self.more_steps = (4, 2) if quick else (800, 120)
        self.variants = [
            DENSE,
            *sanger_variants((0.005, 0.01, 0.015, 0.02, 0.03, 0.05)),
            *sanger_variants((0.02, 0.03, 0.05), "top1"),
            static_variant("local_sliding_window", block=8, attention="bidirectional"),
            static_variant("bslongformer", block=4),
            static_variant("bigbird", block=4, different_layout_per_head=True),
            static_variant("fixed", block=4),
        ]
        self.about = {
            "data": "sklearn.datasets.load_digits",
            "train": len(self.labels),
            "test": len(self.test_labels),
            "tokens": 65,
            "layers": 2,
            "hidden": 32,
            "heads": 2,
            "batch": self.batch,
        }

    def build(self) -> Any:
        config = transformers.ViTConfig(
            image_size=8,
            patch_size=1,
            num_channels=1,
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            num_labels=10,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
        return transformers.ViTForImageClassification(config)

    def loss(self, model: nn.Module, generator: torch.Generator) -> Tensor:
        chosen = torch.randint(len(self.labels), (self.batch,), generator=generator)
        logits = model(pixel_values=self.images[chosen]).logits
        return nn.functional.cross_entropy(logits, self.labels[chosen])

    def evaluate(self, model: nn.Module) -> float:
        found = [model(pixel_values=images).logits.argmax(-1) for images in torch.split(self.test_images, 150)]
        return 100 * float((torch.cat(found) == self.test_labels).double().mean())
