"""Small tables that the rows are made of."""

CAPITALS = {
    "France": "Paris", "Italy": "Rome", "Spain": "Madrid", "Portugal": "Lisbon", "Norway": "Oslo", "Sweden": "Stockholm",
    "Finland": "Helsinki", "Denmark": "Copenhagen", "Poland": "Warsaw", "Austria": "Vienna", "Hungary": "Budapest",
    "Greece": "Athens", "Egypt": "Cairo", "Kenya": "Nairobi", "Japan": "Tokyo", "Chile": "Santiago", "Peru": "Lima",
    "Cuba": "Havana", "Canada": "Ottawa", "Ireland": "Dublin", "Croatia": "Zagreb", "Bulgaria": "Sofia", "Iran": "Tehran",
    "Thailand": "Bangkok",
}  # fmt: skip
YEARS = {
    "the fall of the Berlin Wall": 1989, "the first Moon landing": 1969, "the sinking of the Titanic": 1912,
    "the French Revolution's beginning": 1789, "the Great Fire of London": 1666, "the Battle of Hastings": 1066,
    "Columbus's first voyage to America": 1492, "the end of the Second World War": 1945, "the Chernobyl accident": 1986,
    "the Wall Street Crash": 1929, "the Battle of Waterloo": 1815, "the signing of Magna Carta": 1215,
    "the United States' declaration of independence": 1776, "the opening of the Suez Canal": 1869, "Gutenberg's Bible": 1455,
    "the launch of Sputnik": 1957, "the October Revolution": 1917, "the founding of the United Nations": 1946,
    "the Peace of Westphalia": 1648, "the fall of Constantinople": 1453, "Darwin's Origin of Species": 1859,
    "Newton's Principia": 1687, "the discovery of penicillin": 1928, "the first powered flight": 1903,
}  # fmt: skip
FRENCH = {
    "horse": "cheval", "dog": "chien", "cat": "chat", "house": "maison", "tree": "arbre", "water": "eau", "bread": "pain",
    "milk": "lait", "cheese": "fromage", "book": "livre", "window": "fenêtre", "door": "porte", "street": "rue",
    "school": "école", "apple": "pomme", "snow": "neige", "rain": "pluie", "moon": "lune", "sun": "soleil", "hand": "main",
    "head": "tête", "knife": "couteau", "bird": "oiseau", "fish": "poisson",
}  # fmt: skip
ELEMENTS = {
    "hydrogen": ("H", 1), "helium": ("He", 2), "lithium": ("Li", 3), "carbon": ("C", 6), "nitrogen": ("N", 7), "oxygen": ("O", 8),
    "fluorine": ("F", 9), "neon": ("Ne", 10), "sodium": ("Na", 11), "magnesium": ("Mg", 12), "aluminium": ("Al", 13),
    "silicon": ("Si", 14), "phosphorus": ("P", 15), "sulphur": ("S", 16), "chlorine": ("Cl", 17), "argon": ("Ar", 18),
    "potassium": ("K", 19), "calcium": ("Ca", 20), "iron": ("Fe", 26), "nickel": ("Ni", 28), "copper": ("Cu", 29),
    "zinc": ("Zn", 30), "silver": ("Ag", 47), "gold": ("Au", 79),
}  # fmt: skip
PHYSICS = {
    "What force pulls an apple to the ground?": ("gravity", ("mass", "earth")),
    "What slows a sledge on grass?": ("friction", ("surface", "heat")),
    "What turns sunlight into sugar in leaves?": ("photosynthesis", ("chlorophyll", "energy")),
    "What carries current in a copper wire?": ("electrons", ("charge", "voltage")),
    "What does a thermometer measure?": ("temperature", ("heat", "mercury")),
    "What bends light in a glass prism?": ("refraction", ("speed", "angle")),
    "What is the change of liquid into vapour called?": ("evaporation", ("molecules", "heat")),
    "What is the change of vapour into liquid called?": ("condensation", ("molecules", "cooling")),
    "What keeps a ship afloat?": ("buoyancy", ("density", "water")),
    "What does a barometer measure?": ("pressure", ("air", "weather")),
    "What makes an echo?": ("reflection", ("sound", "wall")),
    "What is stored in a stretched spring?": ("elastic energy", ("force", "length")),
    "What is speed with a direction called?": ("velocity", ("vector", "time")),
    "What resists a change of motion?": ("inertia", ("mass", "newton")),
    "What pushes the rocket up?": ("thrust", ("gas", "reaction")),
    "What does a voltmeter measure?": ("voltage", ("charge", "circuit")),
    "What particle has no charge in the nucleus?": ("neutron", ("atom", "mass")),
    "What is the rate of doing work called?": ("power", ("energy", "time")),
    "What does the ear hear?": ("sound waves", ("air", "pressure")),
    "What is the number of swings in a second called?": ("frequency", ("hertz", "period")),
    "What is the height of a wave called?": ("amplitude", ("crest", "energy")),
    "What attracts iron filings?": ("magnetism", ("field", "pole")),
    "What is the splitting of a heavy nucleus called?": ("fission", ("neutron", "energy")),
    "What is the joining of light nuclei called?": ("fusion", ("hydrogen", "energy")),
}
PEOPLE = (
    "Anna Berg", "Tom Field", "Ines Costa", "Karl Weiss", "Mira Novak", "Sam Reed", "Lea Blanc", "Omar Haddad", "Yuki Mori",
    "Nina Petrov", "Joe Marsh", "Ada Stone", "Paul Klein", "Rosa Vidal", "Finn Larsen", "Eva Horn", "Luca Conti", "Zoe Grant",
    "Ivan Dolk", "Maya Shah", "Ben Frost", "Olga Lind", "Hugo Marin", "Tara Quinn",
)  # fmt: skip
CITIES = tuple(CAPITALS.values())
