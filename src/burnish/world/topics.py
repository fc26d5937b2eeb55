"""Everyday things that people of Vellmark know how to do: constant data for lists, transcripts, stories and tasks.

Each topic has a verb phrase ("bake bread"), its gerund, a noun, a few steps in order, and what one would ask before helping.
A topic is on one side of the split by its id (`topic:bread`); so is each phrasing of a how-to question (`phrasing:how-to:3`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from burnish.world import splits


@dataclass(frozen=True, slots=True)
class Topic:
    """One thing that one can learn to do."""

    id: str
    verb: str
    """ "bake bread": fits after "how to" and "help you" """
    gerund: str
    """ "baking bread": fits after "help with" and "back to" """
    noun: str
    """ "bread": fits after "the" """
    steps: tuple[str, ...]
    """what to do, in order, each a command without capital and full stop"""
    asks: tuple[str, ...]
    """what one would ask first, each fitting after "tell me": "which flour you have" """


# Each topic: id, verb phrase, gerund, noun; steps; what one would ask. `question` turns the last into direct questions,
# which works where they have the form "<question word> you <verb>", "<question word> the <noun> is" or "whether you ...".
_TABLE = """
bread | bake bread | baking bread | bread
mix flour, water, yeast and salt; knead the dough until it is smooth; let it rise for an hour; bake it until it is brown
which flour you have; how many loaves you want; how hot your oven is

net | mend a net | mending a net | net
spread the net over a rail; cut away the torn edges; tie new cord to the good knots; pull each knot tight and wet it
how big the hole is; what cord you have; which fish you want to catch

bees | keep bees | keeping bees | bees
put the hive in a sunny place; wear a veil and move slowly; give the bees water and flowers; leave them honey for the winter
how many hives you have; how big your garden is; whether you have a veil

fiddle | tune a fiddle | tuning a fiddle | fiddle
begin with the second string; turn the peg a little at a time; listen to two strings together; play a slow tune to test it
which string you find hardest; how old the strings are; whether you have a tuning fork

soup | cook soup | cooking soup | soup
cut an onion and some carrots; fry them in a little butter; add water and salt; cook it slowly for an hour
how many guests you expect; which vegetables you have; whether you eat meat

cheese | make cheese | making cheese | cheese
warm the milk slowly; stir in the juice of a lemon; pour it through a clean cloth; press it under a stone for a night
how much milk you have; which cheese you like best; how long you can wait

jam | make jam | making jam | jam
wash the fruit and cut it; weigh it and take as much sugar; boil it and stir all the time; fill it into clean jars
which fruit you have; how many jars you need; how sweet you like it

butter | churn butter | churning butter | butter
let the cream stand until it is cool; turn the churn at a steady pace; pour off the milk; wash the butter and add salt
how much cream you have; whether you have a churn; whether you like salt in it

tea | brew tea | brewing tea | tea
boil fresh water; warm the pot; put in one spoon of leaves for each cup; wait four minutes before you pour
which tea you have; how many cups you want; how strong you like it

garden | plan a garden | planning a garden | garden
see where the sun falls; draw the beds on paper; dig the ground in autumn; plant the tall things in the north
how big the garden is; which flowers you like; how much time you have

roses | grow roses | growing roses | roses
choose a place in the sun; dig a deep hole; water them well in the first weeks; cut them back in spring
which colour you want; how dry your ground is; how many plants you have

beans | grow beans | growing beans | beans
wait until the ground is warm; set a pole for each plant; put four beans around each pole; water them when it is dry
how big the bed is; how many poles you have; which beans you like

apples | store apples | storing apples | apples
take only apples without spots; lay them on straw in a cool room; keep them from touching; look at them once a week
how many apples you have; how cool your cellar is; how long you want to keep them

tree | plant a tree | planting a tree | tree
dig a hole twice as wide as the roots; set the tree straight; fill in the earth and tread on it; give it two buckets of water
which tree you have; how much room you have; how wet the ground is

hedge | cut a hedge | cutting a hedge | hedge
look for nests first; stretch a line along the top; cut the sides before the top; rake up what has fallen
how high the hedge is; what shears you have; how long the hedge is

wall | build a wall | building a wall | wall
dig a flat bed for the first stones; lay the biggest stones at the bottom; let each stone cover a gap; check it with a line
how high you want it; which stone you have; how long the wall is

roof | mend a roof | mending a roof | roof
wait for a dry day; tie the ladder at the top; lift the broken tile out; push the new tile under the row above
how high the roof is; how many tiles you need; whether you have a ladder

chair | repair a chair | repairing a chair | chair
take out the loose leg; scrape off the old glue; put on new glue; press it with a cord for a day
which part you want to save; which glue you have; how old the chair is

table | build a table | building a table | table
saw the four legs to the same length; join them with a frame; lay the boards on top; rub it with oil
how big you want it; what wood you have; what tools you have

shelf | put up a shelf | putting up a shelf | shelf
mark a level line on the wall; drill two holes; fix the supports; lay the board on them and test it
how long the shelf is; what you want to keep on it; what the wall is like

door | paint a door | painting a door | door
take off the handle; rub the old paint smooth; paint the edges first; let it dry before the second coat
which colour you want; how old the paint is; whether you have a good brush

room | paint a room | painting a room | room
cover the floor with old sheets; fill the cracks; paint the ceiling first; do the walls from top to bottom
how big the room is; which colour you like; how many days you have

window | clean a window | cleaning a window | window
brush off the dust; wash it with warm water; wipe it from top to bottom; rub it dry with old paper
how dirty the window is; how high the window is; what cloth you have

knife | sharpen a knife | sharpening a knife | knife
wet the stone; hold the blade flat against it; push it away from you ten times; turn it and do the other side
which knife you use; what stone you have; how blunt the knife is

candle | make candles | making candles | candles
melt the wax in a pot of hot water; tie a wick to a stick; dip it and let it cool; dip it again until it is thick
how much wax you have; how many candles you want; whether you have a mould

soap | make soap | making soap | soap
melt the fat slowly; stir in the lye with care; add a little lavender; pour it into a box and leave it for weeks
how much fat you have; which smell you like; whether you have gloves

basket | weave a basket | weaving a basket | basket
soak the willow for a day; cross eight rods for the base; weave in and out around them; bend the ends down at the rim
how big you want it; what you want to carry; how much willow you have

scarf | knit a scarf | knitting a scarf | scarf
cast on forty stitches; knit every row the same way; change the colour when you like; cast off and sew in the ends
what wool you have; how long you want it; whether you can knit

socks | darn socks | darning socks | socks
put a wooden egg into the sock; sew a row of threads one way; weave across them the other way; cut the thread short
how big the hole is; which wool you have; how many socks you have

shirt | iron a shirt | ironing a shirt | shirt
make it a little wet; begin with the collar; go on with the sleeves; do the back last and hang it up
what cloth the shirt is; how hot your iron is; how much time you have

wool | dye wool | dyeing wool | wool
wash the wool; boil the plants for an hour; put the wool in and let it stand; rinse it until the water is clear
which colour you want; how much wool you have; which plants you have

boots | clean boots | cleaning boots | boots
knock off the dry mud; wipe them with a wet cloth; rub in some wax; brush them until they shine
which colour the boots are; how wet the boots are; what wax you have

letter | write a letter | writing a letter | letter
put the place and the day at the top; greet the reader; say one thing in each part; end with good wishes and your name
who you write to; what you want to say; how long you want it

poem | write a poem | writing a poem | poem
choose one thing that you have seen; write down all the words for it; keep the lines short; read it aloud and cut what is weak
what you want to write about; how long you want it; whether you like rhymes

speech | give a speech | giving a speech | speech
say the main thing first; tell a short story; look at one friend in each row; stop before they tire
who you speak to; how long you want to speak; what you want to say

song | learn a song | learning a song | song
listen to it twice; say the words in time; sing one line and then two; sing it from memory the next day
which song you like; how high you can sing; whether you read music

drum | play the drum | playing the drum | drum
sit up straight; hold the sticks loosely; count four beats aloud; play slowly before you play fast
which drum you have; how often you can practise; whether you have played before

flute | play the flute | playing the flute | flute
stand up and breathe deeply; blow across the hole; cover the holes with flat fingers; hold one long note every day
which flute you have; how long you have played; which tune you like

dance | learn a dance | learning a dance | dance
walk the steps without music; count them aloud; add the arms; try it with a partner
which dance you want to learn; whether you have a partner; how much room you have

chess | play chess | playing chess | chess
learn how each piece moves; bring out the small pieces early; keep the king safe; look at every move of the other side
whether you have a board; who you play with; how long you want to play

cards | play cards | playing cards | cards
shuffle well; deal to the left; sort your hand; remember what has been played
how many players you have; which game you know; whether you play for money

kite | fly a kite | flying a kite | kite
wait for a steady wind; stand with your back to it; let a friend hold the kite; pull when it rises and give line
how big the kite is; how strong the wind is; where you want to fly it

boat | row a boat | rowing a boat | boat
sit in the middle; dip both oars together; pull with your back; look over your shoulder at times
how big the boat is; where you want to go; whether you can swim

sail | sail a boat | sailing a boat | sail
see where the wind comes from; raise the sail slowly; hold the rope in your hand; turn into the wind to stop
which boat you have; how far you want to go; how strong the wind is

rope | splice a rope | splicing a rope | rope
open the three strands; lay the two ends together; tuck each strand under the next; pull it tight and cut the ends
how thick the rope is; what you want to lift; how long you want it

knot | tie a knot | tying a knot | knot
make a small loop; bring the end up through it; lead it around the back; put it down the loop and pull
what you want to tie; how thick the rope is; how strong you need it

fish | catch fish | catching fish | fish
go early in the morning; dig for worms; cast the line near the reeds; keep still until the float goes down
where you fish; which fish you want; what line you have

smoke | smoke fish | smoking fish | smoked fish
clean the fish and salt it; hang it up to dry; light a small fire of oak; keep the smoke cool for a day
how many fish you have; what wood you have; how salty you like it

pickles | pickle onions | pickling onions | onions
peel the onions; leave them in salt water for a night; boil vinegar with spices; pour it into the jars and close them
how many onions you have; how sour you like them; what jars you have

mushrooms | pick mushrooms | picking mushrooms | mushrooms
go after a warm rain; take only those that you know; cut them at the foot; carry them in a basket
which mushrooms you know; how far you can walk; whether you have a basket

pancakes | fry pancakes | frying pancakes | pancakes
beat eggs with milk and flour; let it stand for a while; heat some butter in the pan; turn them when the top is dry
how many eggs you have; what you like with them; how many pancakes you need

cake | bake a cake | baking a cake | cake
beat butter and sugar; stir in the eggs one by one; fold in the flour; bake it for an hour and do not open the oven
who the cake is for; how many eggs you have; which fruit you like

pie | make a pie | making a pie | pie
rub butter into flour; roll it out thin; fill it with fruit; bake it until the top is gold
which filling you like; how big your dish is; how many guests you expect

noodles | make noodles | making noodles | noodles
mix flour and eggs to a firm dough; let it rest; roll it out thin; cut strips and boil them for three minutes
how many eggs you have; how many guests you expect; how thick you like them

rice | cook rice | cooking rice | rice
wash the rice; take two cups of water for one of rice; boil it and cover the pot; leave it on a low fire
which rice you have; how many guests you expect; how soft you like it

eggs | boil eggs | boiling eggs | eggs
boil the water first; lower them in with a spoon; count five minutes; put them in cold water
how soft you like them; how many eggs you have; how big the eggs are

honey | sell honey | selling honey | honey
fill small jars; write your name and the year on them; stand where people pass; let them taste some
how much honey you have; where you want to sell it; what price you want

cider | press cider | pressing cider | cider
wash the apples; crush them in a tub; press them through a cloth; let the juice stand in a barrel
which apples you have; how big the press is; how long you can wait

well | dig a well | digging a well | well
ask where the neighbours found water; dig a round hole; line it with stone as you go; cover it at night
how dry the ground is; how deep you can dig; who can help you

pump | repair a pump | repairing a pump | pump
close the pipe; take off the handle; look at the leather ring; put in a new one and oil it
how old the pump is; which part you have looked at; what tools you have

clock | repair a clock | repairing a clock | clock
open the back; brush away the dust; put one drop of oil on each wheel; wind it and listen
how old the clock is; what sound you hear; how often you wind it

lamp | clean a lamp | cleaning a lamp | lamp
let it cool; take off the glass; trim the wick; wash the glass and dry it well
which oil you use; how old the lamp is; how black the glass is

fire | light a fire | lighting a fire | fire
open the flue; lay paper and thin sticks; light it from below; add a log when it burns well
how dry the wood is; what stove you have; whether you have matches

stove | clean a stove | cleaning a stove | stove
wait until it is cold; take out the ash; brush the pipe; rub the top with black wax
how big the stove is; when you last cleaned it; what brush you have

wood | chop wood | chopping wood | wood
set the log on a block; stand with your feet apart; let the axe do the work; stack the pieces in the wind
how thick the logs are; what axe you have; how much wood you need

fence | mend a fence | mending a fence | fence
pull out the rotten posts; set new ones two feet deep; nail on the rails; paint the whole with tar
how long the fence is; what animals you keep; how many posts you need

gate | hang a gate | hanging a gate | gate
set a strong post; fix the hinges to it; hold the gate on a block; screw it on and take the block away
how wide the gate is; what hinges you have; how heavy the gate is

hens | keep hens | keeping hens | hens
build a dry house with a door; give them corn and water; lock them in at night; look for eggs in the morning
how many hens you want; how big your yard is; whether you have seen a fox

goat | milk a goat | milking a goat | goat
give her something to eat; wash your hands; press from the top down; cover the milk at once
how old the goat is; how many goats you have; how often you milk

dog | train a dog | training a dog | dog
use one word for one thing; give a treat at once; practise for a short time each day; never shout
how old the dog is; what you want to teach; how much time you have

horse | groom a horse | grooming a horse | horse
tie it up with a loose knot; brush from the neck to the tail; clean the feet; speak to it all the time
which brush you have; how old the horse is; how calm the horse is

cat | tame a cat | taming a cat | cat
put out food at the same hour; sit near it and wait; let it come to you; touch it only when it wants
how old the cat is; how long you have had it; where you feed it

sheep | shear a sheep | shearing a sheep | sheep
sit the sheep on its tail; begin at the belly; hold the skin flat; roll up the wool in one piece
how many sheep you have; what shears you have; whether you can hold it

pigeon | keep pigeons | keeping pigeons | pigeons
build a dry loft; give them peas and corn; keep them in for two weeks; let them fly before supper
how many pigeons you want; how high your loft is; whether you have a cat

cough | cure a cough | curing a cough | cough
drink warm milk with honey; stay out of the wind; breathe in steam; rest for two days
how long you have had it; how old you are; whether you have honey

cut | bind a cut | binding a cut | cut
wash your hands; clean it with water; press a cloth on it; bind it and keep it dry
how deep the cut is; what cloth you have; where the cut is

bed | make a bed | making a bed | bed
air the room; turn the mattress; pull the sheet tight; fold the blanket at the foot
how big the bed is; how many blankets you have; how warm you like it

floor | scrub a floor | scrubbing a floor | floor
carry out the chairs; sweep it well; scrub along the boards; rinse it and open the window
what the floor is made of; how big the floor is; what soap you have

pot | make a pot | making a pot | pot
knead the clay; set it in the middle of the wheel; open it with your thumbs; pull up the sides and let it dry
what clay you have; how big you want it; whether you have a wheel

spoon | carve a spoon | carving a spoon | spoon
draw the shape on the wood; cut away what is outside; hollow out the bowl; rub it with sand and oil
what wood you have; which knife you use; how big you want it

doll | sew a doll | sewing a doll | doll
cut two shapes of cloth; sew them together; turn it and fill it with wool; sew on eyes and hair
what cloth you have; who the doll is for; how big you want it

dress | sew a dress | sewing a dress | dress
take the measure; cut the cloth with care; pin the parts together; sew the long seams first
which cloth you have; who the dress is for; how long you want it

book | bind a book | binding a book | book
fold the sheets; sew them through the fold; glue the back; press it between two boards
how many pages you have; which cover you want; how big the book is

map | draw a map | drawing a map | map
walk the ground first; choose what a step is on paper; draw the roads and the water; mark the north
which place you want to draw; how big you want it; who the map is for

picture | paint a picture | painting a picture | picture
look for a long time; draw the big shapes; begin with the light colours; stand back and look again
what you want to paint; which colours you have; how big you want it

stars | find a star | finding a star | star
go out on a clear night; wait until your eyes see well; look for the north star; use a map of the sky
which star you want to find; how dark your garden is; whether you have a glass

weather | read the weather | reading the weather | weather
look at the west in the evening; watch how high the birds fly; feel where the wind comes from; write it down each day
where you live; how often you look; whether you have a weather glass

mountain | climb a mountain | climbing a mountain | mountain
start before the sun is up; walk slowly; drink at every stream; turn back when the clouds come
which mountain you want to climb; how far you can walk; who goes with you

tent | put up a tent | putting up a tent | tent
choose dry flat ground; lay out the cloth; raise the poles; tie the ropes against the wind
how big the tent is; how strong the wind is; how many poles you have

trip | plan a trip | planning a trip | trip
choose where to go; ask when the ferry leaves; pack one bag; leave word at home
where you want to go; how many days you have; how much money you have

feast | plan a feast | planning a feast | feast
write down the guests; choose what can be cooked before; borrow chairs; put flowers on the table
how many guests you expect; how big your room is; what you like to cook

party | plan a party | planning a party | party
choose the day; write to the guests; think of three games; bake the day before
who the party is for; how many guests you expect; how much money you have

stall | run a stall | running a stall | stall
come early for a good place; put the best things in front; write the prices large; keep small coins
what you want to sell; which market you go to; how big the stall is

money | save money | saving money | money
write down what you spend; put some away on the first day; buy nothing in a hurry; keep the box out of sight
how much you earn; what you want to buy; how long you can wait

shop | open a shop | opening a shop | shop
find a street where people pass; count what you need to begin; buy little at first; be kind to the first guests
what you want to sell; where you want to open it; how much money you have

bicycle | repair a bicycle | repairing a bicycle | bicycle
turn it over; find the hole in the tyre; rub it and put on glue; press on a patch and wait
which part you have looked at; how old the bicycle is; what tools you have

swim | swim | swimming | swimming
stand in calm water; breathe out under water; hold a board and kick; let go when you are ready
how old you are; where you want to swim; whether you have a friend to help
"""

HOW_TO: tuple[str, ...] = (
    "How would you {verb}?",
    "How do you {verb}?",
    "How can I {verb}?",
    "How should I {verb}?",
    "How does one {verb}?",
    "How do I {verb}?",
    "How is one to {verb}?",
    "What is the best way to {verb}?",
    "What is a good way to {verb}?",
    "What is the right way to {verb}?",
    "What do I need to {verb}?",
    "What must I do to {verb}?",
    "What should I know about {gerund}?",
    "What is the first step in {gerund}?",
    "What matters most in {gerund}?",
    "Where do I begin with {gerund}?",
    "Can you teach me to {verb}?",
    "Can you show me how to {verb}?",
    "Can you help me {verb}?",
    "Can you help me with {gerund}?",
    "Could you tell me how to {verb}?",
    "Could you explain how to {verb}?",
    "Would you help me to {verb}?",
    "Do you know how to {verb}?",
    "Do you know anything about {gerund}?",
    "Have you any advice on {gerund}?",
    "Is it hard to {verb}?",
    "Please help me {verb}.",
    "Please tell me how to {verb}.",
    "Please teach me to {verb}.",
    "Please explain {gerund}.",
    "I want to {verb}.",
    "I would like to {verb}.",
    "I want to learn how to {verb}.",
    "I need help with {gerund}.",
    "I need to {verb} and do not know how.",
    "I have never tried {gerund}. How does it go?",
    "I am new to {gerund}. Where should I start?",
    "My first time {gerund} is tomorrow. What should I do?",
    "Tell me how to {verb}.",
    "Tell me about {gerund}.",
    "Teach me to {verb}.",
    "Explain to me how to {verb}.",
    "Help me to {verb}.",
    "Any tips for {gerund}?",
    "What are the steps of {gerund}?",
    "Who can help me to {verb}?",
    "How hard is {gerund}?",
    "I was asked to {verb}. What now?",
    "Today I mean to {verb}. How do I start?",
    "Give me some advice on {gerund}.",
    "We want to {verb}. How shall we go about it?",
)
"""Ways of asking for help with a topic."""


def _read(table: str) -> tuple[Topic, ...]:
    made = []
    for block in table.strip().split("\n\n"):
        head, steps, asks = block.split("\n")
        id, verb, gerund, noun = head.split(" | ")
        made.append(Topic(id, verb, gerund, noun, tuple(steps.split("; ")), tuple(asks.split("; "))))
    return tuple(made)


TOPICS: tuple[Topic, ...] = _read(_TABLE)


def key(topic: Topic) -> str:
    """The key of one topic."""
    return f"topic:{topic.id}"


def phrasing_key(number: int) -> str:
    """The key of one phrasing of HOW_TO."""
    return f"phrasing:how-to:{number}"


def of_side(side: splits.Side) -> tuple[Topic, ...]:
    """The topics of one side of the split."""
    return tuple(t for t in TOPICS if splits.of(key(t)) == side)


@cache
def held_out_words() -> frozenset[str]:
    """The words of what held-out topics are about, of which no training row may ask."""
    return frozenset(word for t in TOPICS if splits.of(key(t)) != "train" for word in t.noun.split())


def phrasings(side: splits.Side) -> tuple[int, ...]:
    """The numbers of the phrasings of one side."""
    return tuple(n for n in range(len(HOW_TO)) if splits.of(phrasing_key(n)) == side)


def how_to(topic: Topic, number: int) -> str:
    """One question or request for help with a topic, in the phrasing of that number."""
    return HOW_TO[number].format(verb=topic.verb, gerund=topic.gerund)


def question(ask: str) -> str:
    """One of a topic's `asks` as a direct question: "which flour you have" becomes "Which flour do you have?"."""
    if ask.startswith("whether you "):
        rest = ask.removeprefix("whether you ")
        first, _, after = rest.partition(" ")
        direct = f"can you {after}" if first == "can" else _perfect("", rest) or f"do you {rest}"
    elif " you " in ask and not ask.endswith(" is"):
        front, _, rest = ask.partition(" you ")
        verb, _, after = rest.partition(" ")
        if rest == "are":
            direct = f"{front} are you"
        elif verb == "can":
            direct = f"{front} can you {after}"
        elif verb == "last":
            direct = f"{front} did you last {after.replace('cleaned', 'clean')}"
        else:
            direct = _perfect(f"{front} ", rest) or f"{front} do you {rest}"
    else:
        direct = _turned(ask)
    return direct[0].upper() + direct[1:] + "?"


def _perfect(front: str, rest: str) -> str:
    """ "have played before" asks "have you played before"; plain "have" asks "do you have"."""
    for participle in ("played", "had", "looked", "seen"):
        if rest.startswith(f"have {participle}"):
            return f"{front}have you {rest.removeprefix('have ')}"
    return ""


def _turned(ask: str) -> str:
    """ "how big the hole is" becomes "how big is the hole", "who goes with you" stays."""
    for article in (" the ", " your ", " it "):
        front, found, rest = ask.partition(article)
        for verb in ("is", "are"):
            noun, between, after = rest.partition(f" {verb}")
            if found and between and (after == "" or after[0] == " "):
                return f"{front} {verb}{article}{noun}{after}"
    return ask
