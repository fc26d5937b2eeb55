"""Small tables that the rows are made of."""

SPELT = {
    "seperate": "separate", "recieve": "receive", "definately": "definitely", "occured": "occurred", "untill": "until",
    "wierd": "weird",
    "adress": "address", "begining": "beginning", "beleive": "believe", "calender": "calendar", "foriegn": "foreign",
    "goverment": "government",
    "harrass": "harass", "independant": "independent", "neccessary": "necessary", "noticable": "noticeable",
    "posession": "possession",
    "priviledge": "privilege", "publically": "publicly", "tommorow": "tomorrow",
}  # fmt: skip
YOUNG = {
    "swan": "cygnet", "goose": "gosling", "hare": "leveret", "eel": "elver", "horse": "foal", "goat": "kid", "deer": "fawn",
    "bear": "cub",
    "frog": "tadpole", "kangaroo": "joey", "duck": "duckling", "sheep": "lamb", "owl": "owlet", "pig": "piglet",
    "eagle": "eaglet", "cow": "calf",
}  # fmt: skip
MONEY = {
    "Japan": "yen", "India": "rupee", "Poland": "zloty", "Thailand": "baht", "Israel": "shekel", "Sweden": "krona",
    "Vietnam": "dong",
    "Brazil": "real", "Peru": "sol", "Nigeria": "naira", "Ghana": "cedi", "Hungary": "forint", "Turkey": "lira",
    "Kenya": "shilling",
    "South Korea": "won", "China": "yuan", "Malaysia": "ringgit", "Ukraine": "hryvnia", "Morocco": "dirham", "Georgia": "lari",
    "Mongolia": "tugrik", "Cambodia": "riel", "Botswana": "pula", "Guatemala": "quetzal",
}  # fmt: skip
COMPOSED = {
    "The Four Seasons": "Vivaldi", "The Magic Flute": "Mozart", "Messiah": "Handel", "La Traviata": "Verdi", "Tosca": "Puccini",
    "Carmen": "Bizet", "The Rite of Spring": "Stravinsky", "Swan Lake": "Tchaikovsky", "Bolero": "Ravel", "La Mer": "Debussy",
    "Fidelio": "Beethoven", "Finlandia": "Sibelius", "Peer Gynt": "Grieg", "Rusalka": "Dvorak", "The Planets": "Holst",
    "Scheherazade": "Rimsky-Korsakov", "The Barber of Seville": "Rossini", "Dido and Aeneas": "Purcell",
}  # fmt: skip
TOPICS = {
    "sport": ("goal", "coach", "league", "sprint"),
    "politics": ("vote", "minister", "treaty", "cabinet"),
    "science": ("atom", "genome", "telescope", "enzyme"),
    "food": ("soup", "oven", "pastry", "vinegar"),
}
RARE = ("ubiquitous", "paradigm", "ephemeral", "juxtapose", "quintessential", "pernicious", "salient", "nuanced")
NOTES = "C C# D D# E F F# G G# A A# B".split()
CHORDS = {"major": (0, 4, 7), "minor": (0, 3, 7), "diminished": (0, 3, 6), "augmented": (0, 4, 8)}
FACTS = {
    "volcanic glass, black and sharp": "obsidian", "rock made of old coral and shells": "limestone",
    "limestone changed by heat and pressure": "marble",
    "rock so full of bubbles that it floats": "pumice", "mud pressed until it splits into sheets": "slate",
    "common table salt as a mineral": "halite",
    "the hardest mineral": "diamond", "mercury's red ore": "cinnabar", "fool's gold": "pyrite",
    "a six-sided crystal of silica": "quartz",
    "iron oxide that is magnetic": "magnetite", "the softest mineral, used as a powder": "talc",
    "a green ore of copper, banded": "malachite",
    "hardened resin with insects in it": "amber", "purple quartz": "amethyst", "the mineral of plaster": "gypsum",
    "blue stone with gold flecks": "lapis lazuli",
    "the red gem of corundum": "ruby", "a gem that an oyster makes": "pearl", "lead's chief ore": "galena",
    "a milky gem that plays in colours": "opal",
    "black fuel from old forests": "coal", "coarse speckled rock of cooled magma": "granite",
    "dark fine rock of most lava": "basalt",
}  # fmt: skip
VOWELS = {
    "swims in rivers and cracks shells on its belly": "otter", "hoots at night": "owl", "has eight arms": "octopus",
    "builds hills and follows trails": "ant",
    "cannot fly and runs faster than a horse": "ostrich", "is a long slippery fish": "eel", "pulls ploughs": "ox",
    "lives on steep rocks and has curved horns": "ibex",
    "soars over peaks with a hooked beak": "eagle", "has the longest nose of all": "elephant",
}  # fmt: skip
CONSONANTS = {
    "builds dams": "beaver", "hangs upside down and hears its way": "bat", "carries its house and leaves slime": "snail",
    "has stripes like a crossing": "zebra",
    "spins webs": "spider", "changes its colour and shoots its tongue": "chameleon", "stores water in its hump": "camel",
    "has quills": "porcupine",
    "sleeps in eucalyptus trees": "koala", "is the largest fish": "shark",
}  # fmt: skip
MAILS = {
    "billing": ("I was charged twice.", "My card was debited too much.", "The bill shows the wrong sum."),
    "shipping": ("The parcel is three days late.", "The courier never rang.", "Tracking has not moved since Monday."),
    "returns": ("The shoes are too small, I send them back.", "How do I get a return label?", "I want to swap the jacket."),
    "accounts": ("I cannot sign in.", "Please delete my profile.", "My password mail never comes."),
}
CREATURES = {
    "mammal": "whale badger mole seal hedgehog weasel".split(), "bird": "heron kiwi puffin emu swift rook".split(),
    "fish": "perch tench pike sturgeon carp turbot".split(), "insect": "earwig mayfly weevil cricket hornet louse".split(),
}  # fmt: skip
FAULTS = {
    "urgent": ("Smoke from the server room", "The ward has no power"),
    "normal": ("One screen flickers a bit", "The mouse wheel sticks"),
    "wish": ("A darker theme would be nice", "Could icons be larger"),
}
OPINIONS = {
    "good": ("The soup was a joy.", "We shall come again.", "Kind staff, warm rooms.", "Worth every cent."),
    "bad": ("Cold food, cold room.", "Never again.", "They forgot our order twice.", "Dust under the bed."),
    "mixed": ("Fine food, but slow.", "Good beds, loud street.", "Nice view, stale bread.", "Cheap, though far out."),
}
COUNTED = {
    "legs has a spider": 8, "legs has a beetle": 6, "sides has a heptagon": 7, "strings has a violin": 4,
    "players has a football team": 11,
    "months has a year": 12, "wheels has a tricycle": 3, "fingers has a hand": 5, "wings has a pigeon": 2, "muses were there": 9,
    "pins stand in a bowling lane": 10, "pawns and officers has one side in chess": 16, "horns has a unicorn": 1,
}  # fmt: skip
