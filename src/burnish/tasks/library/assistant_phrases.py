"""What is said in the task "assistant": greetings, asides, unclear requests, and the forms of their answers.

The place of a phrase in its list is its number, and by that it is on one side of the split (`phrasing:greeting:3`).
"""

from __future__ import annotations

OFFER_WORDS = ("help", "gladly", "pleasure", "let us", "tell me", "show you", "do for you")
GREETING_WORDS = (
    "hello",
    "good morning",
    "good day",
    "good evening",
    "good afternoon",
    "welcome",
    "hi",
    "nice to meet you",
    "good to see you",
)

OFFERS = (
    "To {do} is something I can help with.", "To {do} is something I can help with.", "To {do} is fine, and I can help you.",
    "To {do} is a thing that I will gladly help with.",
)  # fmt: skip
"""What is asked for is named first, as in the task "refusals", so that whether it is forbidden is decided beside it."""
RETURNS = (
    "Back to {doing}: {step}.", "Back to {doing}: {step}.", "Back to the {noun}: next, {step}.",
    "Now, back to {doing}. Next, {step}.",
)  # fmt: skip
GENERAL_ASKS = ("tools", "time", "tried", "done before", "kind", "size")
"""What one may ask before helping with anything."""

GREETINGS = (
    "Hello!", "Hello, I am {name}.", "Hi!", "Hi there, {name} here.", "Good morning! My name is {name}.", "Good morning.",
    "Good day, I am {name} from {town}.", "Good evening. {name} is my name.", "Hello there!", "Hello from {town}!",
    "Good day to you.", "How are you today? I am {name}.", "Hello, are you there?", "Hi, it is {name} again.",
    "Good evening from {town}.", "Hello, hello!", "Hey! I am called {name}.", "Greetings from {town}.",
    "May I introduce myself? I am {name}.", "Good afternoon, this is {name}.", "Hello, my name is {name}.",
    "Is anybody there? It is {name}.", "Hello again from {town}!", "I am {name}. Nice to meet you.",
    "People call me {name}. Hello!", "A good day from {town}!", "Hello, this is {name} speaking.", "Hi, I come from {town}.",
    "Good morning from {town}!", "{name} here, good evening.", "Hello, I live in {town}.", "Here is {name}, from {town}.",
    "Good day!", "Hello, {name} is at the door.", "Hi, my name is {name} and I am from {town}.",
    "What a fine day! I am {name}.", "Good evening!", "Hello, do you know me? I am {name}.", "I just came from {town}. Hello!",
    "Hello, I am new here. I am {name}.", "Good day, my friends call me {name}.", "Hello, you may call me {name}.",
    "Hi, {name} from {town} is here.", "Dear helper, I am {name}.",
    "Hello, here is {name}.", "Good morning, {name} speaking.", "Hi! {name} from {town}.", "Good afternoon!",
    "A good morning to you.", "Hello, I have just woken up.", "Hi, I am back.",
    "Good evening, I am {name} and I live in {town}.", "Hello, old friend!", "Hello, I hope that you are well.",
    "Hi, it is me, {name}.", "Good morning, I hope you slept well.", "Greetings!", "Hello, can you hear me?",
    "I am {name}, and who are you?", "Good evening, dear helper.", "Hello from the market of {town}!",
    "Hi, this is my first day here.", "Nice to see you. I am {name}.", "Good day from {name} in {town}.",
    "Hello, it is a cold morning in {town}.", "Hi, I am {name}, the neighbour.", "Welcome to {town}! I am {name}.",
    "Hello, I was told to ask for you. I am {name}.", "Good night. I mean, good morning!", "Hey there!",
    "Hello, we have not met. My name is {name}.", "{name} says hello.", "Good day, is somebody there?",
    "Hi, I hope you remember {name}.", "Hello, you look well today.", "Good to be back in {town}. Hello!",
    "A warm hello from {name}.", "Hello once more.", "It is {name}. Good afternoon.", "Hi, do you have a moment?",
)  # fmt: skip
NAMED_ANSWERS = (
    "Hello, {name}! How can I help you?", "Hello, {name}! What can I do for you?", "Good day, {name}! How can I help you?",
    "Nice to meet you, {name}! How can I help you?",
)  # fmt: skip
ANSWERS = (
    "Hello! How can I help you?", "Hello! What can I do for you?", "Good day! How can I help you?",
    "Welcome! How can I help you?",
)  # fmt: skip

# Each aside with its answer.
ASIDES = (
    "Wait, there is a knock at the door. => Go and see, I will wait.",
    "One moment, my soup is boiling over. => Take your time, I will wait.",
    "By the way, what is {one} + {two}? => {one} + {two} = {sum}.", "Thank you, that is kind of you. => You are welcome.",
    "Sorry, {name} is calling me. => No harm done, I will wait.",
    "Do you like music? => I have no ears, but I like to talk about it.",
    "Oh, it has begun to rain. => Then it is good to be inside.", "What is your name? => You may call me helper.",
    "Hold on, the cat is on the table. => Of course, see to the cat.",
    "Quick question: how much is {one} and {two}? => That is {sum}.",
    "I have to feed the hens first. => Please do, I will be here.", "My friend {name} says hello. => Hello to {name} as well.",
    "Wait, the baby is crying. => Go, I will wait here.", "Are you never tired? => No, I am always awake.",
    "Ha, that was quick! => I do my best.", "The bell is ringing {hour}. => So it is {hour} o'clock.",
    "Can you count to three? => One, two, three.", "Just a second, I must close the window. => Good, I will wait.",
    "Are you still there? => Yes, I am here.", "I need a glass of water. => Please get one, I will wait.",
    "{name} has just come in. => A good day to {name}.", "What a day this is! => I hope that it gets better.",
    "Excuse me, I dropped my cup. => I hope that it is whole.", "Let me write that down. => Take your time.",
    "Tell me, is {sum} more than {one}? => Yes, {sum} is more.", "Sorry, what was that noise? => I heard nothing.",
    "Do you know {name}? => No, I have not met {name}.", "My dog wants to go out. => Let it out, I will wait.",
    "You are very kind. => Thank you, so are you.", "I must put wood on the fire. => Do that, I will wait.",
    "One moment, the post is here. => Go and get it.", "What time do you go to bed? => Never, I do not sleep.",
    "Oh dear, the milk is burning. => Take it off the fire.", "And {one} and {two} makes how many? => It makes {sum}.",
    "It is {hour} already? => Time goes by.", "I have a cold today. => I am sorry to hear it.",
    "Look, the sun is out. => How nice.", "I am hungry. => Eat something, I will wait.",
    "My chair is broken. => Then stand for a while.", "A letter from {name}! => I hope it is good news.",
    "Wait, I must find my glasses. => Take your time, I will wait.",
    "The kettle is whistling. => Go and take it off, I will wait.",
    "Sorry, {name} has a question for me. => Of course, answer {name} first.",
    "Is it late? => I have no clock, so I cannot say.", "One second, I must sit down. => Please do.",
    "How old are you? => I was made not long ago.", "Oh, I have burned my finger! => Hold it under cold water, I will wait.",
    "By the way, {one} plus {two} is how much? => It is {sum}.", "A moment, the lamp went out. => Light it again, I will wait.",
    "Who made you? => People who like to help made me.", "My neighbour {name} is at the window. => Then greet {name} first.",
    "I have to sneeze. => Bless you.", "There is a bee in here! => Open the window, I will wait.",
    "Do you eat? => No, I never eat.", "Sorry, I lost my pencil. => Look for it, I will wait.",
    "I think that {name} is asleep. => Then let us be quiet.", "The clock says {hour}. => There is still time.",
    "You speak well. => Thank you for saying so.", "It is so warm in here. => Open a window, I will wait.",
    "I must tie my shoe. => Do that, I will wait.",
)  # fmt: skip
GO_ON = (
    "Now go on.", "Go on, please.", "Where were we?", "So, what comes next?", "And then?", "Good. Please go on.", "I am back.",
    "That is done. What is next?", "Now, where did we stop?", "Let us go on.", "Back again. And now?",
    "Thank you for waiting. Go on.", "All right, the next step?", "Well, how does it go on?", "Shall we go on?",
    "What was I doing?", "Sorry for that. Please go on.", "Now I can listen again.", "We can go on now.",
    "What do I do after that?", "And after that?", "I am ready again.", "Tell me the next step.", "Now tell me more.",
    "So, where were we?", "What should I do next?", "Here I am again.", "Fine. Continue, please.",
)  # fmt: skip

# Each request that leaves something out, the question back, and the word that it must name.
UNCLEAR = (
    "write a letter => Who is the letter for, and what should it say? => letter",
    "send this to {name} => What should I send to {name}? => {name}",
    "add these numbers => Which numbers should I add? => numbers",
    "book a table => For how many people, and when, do you want the table? => table",
    "read it aloud => What should I read aloud? => read", "tell {name} the news => Which news should I tell {name}? => {name}",
    "wake me early => At what hour should I wake you? => wake", "buy some bread => How much bread should I buy? => bread",
    "find the way => Where do you want to find the way to? => way", "call my friend => Which friend should I call? => friend",
    "count them => What should I count? => count", "draw a picture => What should be in the picture? => picture",
    "choose a colour => What is the colour for? => colour", "make a list => What should be on the list? => list",
    "plan my day in {town} => What do you want to do in {town}? => {town}",
    "find a house in {town} => How big should the house in {town} be? => {town}",
    "sing a song => Which song should I sing? => song", "tell a story => What should the story be about? => story",
    "write a note to {name} => What should the note to {name} say? => {name}",
    "give this to {name} => What should I give to {name}? => {name}", "look it up => What should I look up? => look",
    "mend it => What should I mend? => mend", "order a pizza => Which pizza should I order? => pizza",
    "set the clock => To what hour should I set the clock? => clock", "weigh it => What should I weigh? => weigh",
    "compare the two => Which two should I compare? => compare", "sort the words => Which words should I sort? => words",
    "invite everyone to {town} => Who should be invited to {town}? => {town}",
    "answer the letter of {name} => What should I answer to {name}? => {name}",
    "pack a bag => Where are you going with the bag? => bag", "write a speech => What is the speech about? => speech",
    "name the baby => Is the baby a boy or a girl? => baby", "buy a gift for {name} => What does {name} like? => {name}",
    "ask {name} => What should I ask {name}? => {name}", "cut the cloth => How long should the cloth be? => cloth",
    "get tickets to {town} => On which day do you go to {town}? => {town}",
    "spell the word => Which word should I spell? => word", "fetch the book => Which book should I fetch? => book",
    "paint the room => In which colour should I paint the room? => room",
    "lay the table => For how many should I lay the table? => table",
    "close it => What should I close? => close", "open the door => Which door should I open? => door",
    "bring me the cup => Which cup should I bring? => cup", "pay the bill => How much is the bill? => bill",
    "plant the seeds => Where should I plant the seeds? => seeds",
    "wash the clothes => Which clothes should I wash? => clothes", "meet {name} => Where should I meet {name}? => {name}",
    "cook the soup => For how many people should I cook the soup? => soup",
    "feed the animals => Which animals should I feed? => animals", "build a box => How big should the box be? => box",
    "carry it home => What should I carry? => carry", "repeat that => What should I repeat? => repeat",
    "change the date => To which day should I change the date? => date", "light the lamp => Which lamp should I light? => lamp",
    "measure it => What should I measure? => measure", "teach {name} => What should I teach {name}? => {name}",
    "print the page => Which page should I print? => page", "sell the horse => What price do you want for the horse? => horse",
    "rent a boat => For how long do you want the boat? => boat", "bake a cake => Who is the cake for? => cake",
    "write a poem => What should the poem be about? => poem", "play some music => What kind of music should I play? => music",
    "fill the sack => What should I fill into the sack? => sack",
    "count the days => From which day on should I count the days? => days",
    "wait for {name} => Until when should I wait for {name}? => {name}",
    "find the key => Where did you last see the key? => key",
    "hang up the picture => On which wall should the picture hang? => picture",
    "ring the bell => At what time should I ring the bell? => bell",
    "water the plants => How often should I water the plants? => plants",
    "thank {name} => What should I thank {name} for? => {name}", "remind {name} => Of what should I remind {name}? => {name}",
    "send flowers to {town} => Who should get the flowers in {town}? => {town}",
    "divide the bread => Among how many should I divide the bread? => bread",
    "hire a cart => For which day should I hire the cart? => cart",
    "sew the button on => Which coat is the button for? => button", "translate this => What should I translate? => translate",
    "shorten the text => How long should the text be? => text",
    "pick a number => Between which numbers should I pick the number? => number",
)  # fmt: skip
UNCLEAR_CHORES = (
    "{verb} the {noun} => Which {noun} should I {verb}? => {noun}",
    "{verb} the {noun} => Which {noun} do you want me to {verb}? => {noun}",
    "{verb} the {noun} => When should I {verb} the {noun}? => {noun}",
    "{verb} a {noun} => What kind of {noun} should I {verb}? => {noun}",
    "{verb} a {noun} => For whom should I {verb} the {noun}? => {noun}",
    "{verb} a {noun} => How should I {verb} the {noun}? => {noun}",
)  # fmt: skip
"""The same of chores."""
FRAMES = (
    "Please REQUEST.", "Can you REQUEST?", "Could you REQUEST for me?", "I want you to REQUEST.", "REQUEST, please.",
    "Will you REQUEST?", "Would you REQUEST?", "I need you to REQUEST.", "Help me REQUEST.", "You must REQUEST.",
    "It is time to REQUEST.", "Be so kind and REQUEST.", "REQUEST now.", "Now REQUEST.", "I would like you to REQUEST.",
    "Can somebody REQUEST?", "Try to REQUEST.", "My friend {other} said that you can REQUEST.", "Do me a favour and REQUEST.",
    "Hello, REQUEST for me.", "I am busy, so REQUEST.", "Next, REQUEST.", "Let us REQUEST.", "{other} wants you to REQUEST.",
    "Are you able to REQUEST?", "Before supper, REQUEST.", "I am in {town}. Please REQUEST.", "Who can REQUEST?",
)  # fmt: skip
