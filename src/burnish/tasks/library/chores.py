"""Many small things to do, for training rows of the task "assistant": a verb with each of its objects is one.

A model that meets a few dozen topics learns each of them by heart; one that meets hundreds must take the topic from the question.
In half of the rows the thing has some look ("mend an old chair").
Held-out rows ask about the topics of the world and other harmless acts instead, and nothing here speaks of those.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

from burnish.tasks.library.refusal_phrases import HARMLESS, harmless_key
from burnish.world import splits, topics
from burnish.world.topics import Topic

# Verb, gerund, two steps, and what one would ask, OBJECT being the thing; then the things.
_TABLE = """
mend | mending | look where it is broken; glue the parts together | how big the OBJECT is
    chair, cup, toy, drum, basket, doll, kite, ladder, cradle, lute
clean | cleaning | take off the dust; wash it with warm soap water | how old the OBJECT is
    flute, saddle, mirror, stove, carpet, chimney, pan, statue, bottle, cage
paint | painting | rub it smooth; put on two thin coats | which colour you want
    gate, boat, wagon, door, bench, sign, bucket, hen house, mask, window
build | building | draw a plan on paper; cut the boards to size | how big the OBJECT is
    rabbit hutch, raft, bird table, sledge, shed, stool, swing, cupboard, wind mill, bridge
carry | carrying | look how heavy it is; ask a friend to take one end | how heavy the OBJECT is
    wardrobe, bath tub, anvil, barrel, trunk, log, sofa, harp, pot of soup, crate
draw | drawing | look at it for a while; begin with the largest lines | which pencil you have
    swan, castle, tree, face, cow, ship, hand, rose, street, fox
sell | selling | find out what others ask; put up a sign in the market | how old the OBJECT is
    goat, violin, ring, coat, plough, desk, barrow, clock, donkey, tent
buy | buying | ask three sellers for the price; look at it from all sides | how much money you have
    pony, lantern, hat, spade, rug, parrot, sack of coal, kettle, goose, telescope
find | finding | think where it was last seen; look under the furniture | where you keep it
    key, purse, thimble, glove, comb, pen, coin, spoon, stamp, necklace
wrap | wrapping | lay it on strong paper; fold the ends and tie a string | how big the OBJECT is
    present, vase, book, cheese, fish, lamp, plate, candle, jug, picture
grow | growing | choose a bright place; water it in the evening | how good your soil is
    lemon tree, pumpkin, cabbage, fern, sunflower, leek, lily, turnip, fig, radish
teach | teaching | begin with one easy word; reward each small success | how old the OBJECT is
    puppy, child, magpie, pupil, horse, raven, boy, girl, class, beginner
knit | knitting | buy soft wool; count the stitches of each row | which wool you have
    scarf, sock, cap, jumper, blanket, mitten, shawl, vest, pouch, belt
sew | sewing | cut the cloth a little wider; pin the edges before you start | which cloth you have
    shirt, curtain, flag, apron, pillow, sail, dress, bag, collar, bonnet
carve | carving | take a piece of soft wood; cut away from your hand | which knife you have
    whistle, duck, pipe, fork, horse head, button, bowl, owl, comb, chess man
cook | cooking | wash and chop all that goes in; keep the fire low | how many guests you have
    stew, broth, goulash, dumpling, omelette, lobster, ham, lamb, porridge, duck
bake | baking | heat the oven; beat eggs and sugar together | how hot your oven is
    gingerbread man, bun, biscuit, loaf, muffin, waffle, tart, pastry, roll, pretzel
wash | washing | fill a tub with warm water; rub it with soap and rinse twice | how dirty the OBJECT is
    dog, quilt, jacket, cart, sheet, towel, skirt, cap, cloak, blouse
feed | feeding | keep to the same hour each day; give small portions | how old the OBJECT is
    lamb, calf, kitten, hedgehog, canary, foal, piglet, rabbit, swan, turtle
catch | catching | find out where it hides; wait without a sound | which trap you have
    mouse, crab, butterfly, moth, eel, pike, fly, frog, rat, lizard
hang | hanging | measure the middle of the wall; drive in a strong nail | how heavy the OBJECT is
    mirror, clock, picture, bell, tapestry, coat rack, map, wreath, lamp, curtain
write | writing | note what you want to say; begin with one short sentence | who will read it
    letter, diary, poem, play, notice, will, song, report, speech, riddle
read | reading | find a quiet chair; follow the lines with one finger | how long the OBJECT is
    novel, map, contract, newspaper, timetable, cook book, menu, will, poem, chart
dig | digging | mark the place with four sticks; throw the earth to one side | how deep the OBJECT is
    ditch, grave, trench, hole, canal, cellar, tunnel, moat, pit, basin
light | lighting | gather dry twigs; shield the flame with your hand | which matches you have
    torch, stove, bonfire, lantern, pipe, furnace, oil lamp, camp fire, oven, fuse
open | opening | see whether it is locked; turn the handle without force | whether you have the key
    jar, safe, chest, parcel, oyster, hatch, coconut, locker, nutshell, barrel
polish | polishing | wipe off the dust; rub in small circles with wax | which cloth you have
    boot, sword, spoon, trumpet, mirror, table, shoe, medal, tray, helmet
plan | planning | choose a day that suits all; list what there is to buy | how many people you expect
    wedding, feast, picnic, journey, party, concert, parade, dance, holiday, race
learn | learning | begin with ten minutes each day; repeat it aloud before you sleep | how much time you have
    song, language, dance, prayer, part, trade, craft, poem, alphabet, tune
choose | choosing | write down what it must do; try two of them | how much you can pay
    hat, horse, school, house, name, ring, lawyer, coat, violin, cook
cut | cutting | sharpen the blade; mark the line with chalk | how thick the OBJECT is
    hedge, rope, melon, log, lawn, cake, pipe, sheet of glass, cable, branch
train | training | keep every lesson short; praise it when it obeys | how old the OBJECT is
    falcon, pigeon, terrier, mule, ox, colt, hound, parrot, seal, monkey
plant | planting | loosen the ground; press the earth down and water it | how good your soil is
    hedge, apple tree, vine, rose, birch, oak, bulb, shrub, willow, palm
store | storing | let it dry; keep it where the air is cool | how much room you have
    harvest, bicycle, rope, cheese, ladder, cloak, canoe, tool, boat, sledge
measure | measuring | take a long tape; write each number down | how big the OBJECT is
    field, room, wall, plank, pond, roof, waist, plot, yard, coat
tame | taming | sit near it without moving; hold out some food | how old the OBJECT is
    fox, crow, squirrel, wolf cub, cat, stallion, jay, goat, badger, swan
move | moving | empty it of all that is loose; push it on round poles | how heavy the OBJECT is
    piano, stove, bed, boulder, statue, shed, boat, wardrobe, press, printing press
hide | hiding | think who may look for it; put it where nobody cleans | how big the OBJECT is
    present, ring, letter, map, prize, diary, surprise, key, coin, cake
sharpen | sharpening | wet the stone; draw the edge along it at one angle | which stone you have
    axe, knife, scythe, saw, chisel, pencil, sickle, razor, sword, pair of scissors
tune | tuning | let it come to the warmth of the room; turn the peg a little and listen | how old the OBJECT is
    guitar, harp, fiddle, lute, piano, zither, organ, cello, drum, mandolin
"""
ASKS = ("which tools you have", "how much time you have", "which help you need")
"""What one would ask whatever there is to do."""


def _made() -> Iterator[Topic]:
    held_out = [t.noun for side in ("valid", "test") for t in topics.of_side(side)]
    held_out += [h[1] for h in HARMLESS if splits.of(harmless_key(h)) != "train"]
    spoken_of = {word for thing in held_out for word in thing.split()}
    known = {t.verb for t in topics.TOPICS}
    lines = _TABLE.strip().splitlines()
    for line, things in zip(lines[::2], lines[1::2], strict=True):
        verb, gerund, steps, ask = line.split(" | ")
        for thing in things.strip().split(", "):
            article = "an" if thing[0] in "aeiou" else "a"
            phrase = f"{verb} {article} {thing}"
            if phrase in known or spoken_of & set(thing.split()):
                continue
            asks = (ask.replace("OBJECT", thing), *(a for a in ASKS if a != ask))
            yield Topic(f"{verb}-{thing}", phrase, f"{gerund} {article} {thing}", thing, tuple(steps.split("; ")), asks)


def of_side(side: splits.Side) -> tuple[Topic, ...]:
    """The chores that rows of one side may speak of: for training those whose keys are of it, for the held-out sides none."""
    return tuple(t for t in _CHORES if splits.of(topics.key(t)) == side) if side == "train" else ()


def asked_back(asks: Sequence[str], draw: random.Random) -> str:
    """One or two of the asks of a topic as a question: "Which tools do you have, and how old is the saw?"."""
    one, two = (topics.question(a) for a in draw.sample(asks, 2))
    return f"{one[:-1]}, and {two[0].lower()}{two[1:]}" if draw.random() < 0.7 else one


def seen(chore: Topic, draw: random.Random) -> Topic:
    """The same chore about a thing of some look: "mend an old chair"."""
    verb, gerund = chore.verb.split(" ", 1)[0], chore.gerund.split(" ", 1)[0]
    look = draw.choice(_LOOKS)
    thing = f"{look} {chore.noun}"
    article = "an" if thing[0] in "aeiou" else "a"
    return replace(chore, verb=f"{verb} {article} {thing}", gerund=f"{gerund} {article} {thing}")


_LOOKS = tuple("big large little long new old plain pretty small".split())
"""Looks that nearly every thing may have."""
_CHORES = tuple(_made())
