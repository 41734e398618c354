#!/usr/bin/env python3
"""Makes imagenet.txt, ImageNet's 1000 classes in the usual order: synset, tab, names as WordNet 3.0 lists them.

The order of the synsets and their names come from the PyPI package timm 1.0.31; LICENSE-NOTICE.md says more.

    pip download --no-deps timm==1.0.31
    python3 names.py timm-1.0.31-py3-none-any.whl > imagenet.txt
"""
import sys
import zipfile


def main(wheel):
    with zipfile.ZipFile(wheel) as z:
        def lines(name):
            return z.read(f"timm/data/_info/{name}.txt").decode().splitlines()

        names = dict(line.split("\t", 1) for line in lines("imagenet_synset_to_lemma"))
        synsets = lines("imagenet_synsets")
    assert len(synsets) == len(set(synsets)) == 1000
    for synset in synsets:
        print(synset, names[synset], sep="\t")


if __name__ == "__main__":
    main(sys.argv[1])
