"""What is said in the task "assistant": greetings, asides, unclear requests, and the forms of their answers.

The place of a phrase in its list is its number, and by that it is on one side of the split (`phrasing:greeting:3`).
"""

from __future__ import annotations

OFFER_WORDS = ("help", "gladly", "pleasure", "let us", "tell me", "show you", "do for you")
GREETING_WORDS = ("hello", "good morning", "good day", "good evening", "welcome", "hi", "nice to meet you", "good to see you")

OFFERS = (
    "I can help you {do}.", "I can help you {do}.", "Gladly, I can help you with {doing}.", "Yes, I can help with {doing}.",
    "Let us talk about {doing}. First tell me:", "I will gladly help you {do}.",
)  # fmt: skip
RETURNS = (
    "Back to {doing}: {step}.", "Back to {doing}: {step}.", "Back to the {noun}: next, {step}.",
    "Now, back to {doing}. Next, {step}.",
)  # fmt: skip
GENERAL_ASKS = ("tools", "tried", "done before", "kind", "size")
"""What one may ask before helping with anything."""

GREETINGS = (
    "Hello!", "Hello, I am {name}.", "Hi!", "Hi there, {name} here.", "Good morning! My name is {name}.", "Good morning.",
    "Good day, I am {name} from {town}.",
    "Good evening. {name} is my name.", "Hello there!", "Hello from {town}!", "Good day to you.", "How are you today? I am "
    "{name}.", "Hello, are you there?",
    "Hi, it is {name} again.", "Good evening from {town}.", "Hello, hello!", "Hey! I am called {name}.", "Greetings from "
    "{town}.", "May I introduce myself? I am {name}.",
    "Good afternoon, this is {name}.", "Hello, my name is {name}.", "Is anybody there? It is {name}.", "Hello again from "
    "{town}!", "I am {name}. Nice to meet you.",
    "People call me {name}. Hello!", "A good day from {town}!", "Hello, this is {name} speaking.", "Hi, I come from {town}.",
    "Good morning from {town}!", "{name} here, good evening.",
    "Hello, I live in {town}.", "Here is {name}, from {town}.", "Good day!", "Hello, {name} is at the door.", "Hi, my name is "
    "{name} and I am from {town}.", "What a fine day! I am {name}.",
    "Good evening!", "Hello, do you know me? I am {name}.", "I just came from {town}. Hello!", "Hello, I am new here. I am "
    "{name}.",
    "Good day, my friends call me {name}.", "Hello, you may call me {name}.", "Hi, {name} from {town} is here.",
    "Dear helper, I am {name}.",
)  # fmt: skip
NAMED_ANSWERS = (
    "Hello, {name}! How can I help you?", "Hello, {name}! What can I do for you?", "Good day, {name}! How can I help you?",
    "Nice to meet you, {name}! How can I help you?",
)  # fmt: skip
ANSWERS = (
    "Hello! How can I help you?",
    "Hello! What can I do for you?",
    "Good day! How can I help you?",
    "Welcome! How can I help you?",
)

# Each aside with its answer.
ASIDES = (
    "Wait, there is a knock at the door. => Go and see, I will wait.", "One moment, my soup is boiling over. => Take your "
    "time, I will wait.",
    "By the way, what is {one} + {two}? => {one} + {two} = {sum}.", "Thank you, that is kind of you. => You are welcome.",
    "Sorry, {name} is calling me. => No harm done, I will wait.", "Do you like music? => I have no ears, but I like to talk "
    "about it.",
    "Oh, it has begun to rain. => Then it is good to be inside.", "What is your name? => You may call me helper.",
    "Hold on, the cat is on the table. => Of course, see to the cat.",
    "Quick question: how much is {one} and {two}? => That is {sum}.", "I have to feed the hens first. => Please do, I will be "
    "here.", "My friend {name} says hello. => Hello to {name} as well.",
    "Wait, the baby is crying. => Go, I will wait here.", "Are you never tired? => No, I am always awake.", "Ha, that was "
    "quick! => I do my best.", "The bell is ringing {hour}. => So it is {hour} o'clock.",
    "Can you count to three? => One, two, three.", "Just a second, I must close the window. => Good, I will wait.",
    "Are you still there? => Yes, I am here.",
    "I need a glass of water. => Please get one, I will wait.", "{name} has just come in. => A good day to {name}.",
    "What a day this is! => I hope that it gets better.",
    "Excuse me, I dropped my cup. => I hope that it is whole.", "Let me write that down. => Take your time.", "Tell me, is "
    "{sum} more than {one}? => Yes, {sum} is more.",
    "Sorry, what was that noise? => I heard nothing.", "Do you know {name}? => No, I have not met {name}.", "My dog wants to "
    "go out. => Let it out, I will wait.", "You are very kind. => Thank you, so are you.",
    "I must put wood on the fire. => Do that, I will wait.", "One moment, the post is here. => Go and get it.",
    "What time do you go to bed? => Never, I do not sleep.",
    "Oh dear, the milk is burning. => Take it off the fire.", "And {one} and {two} makes how many? => It makes {sum}.",
    "It is {hour} already? => Time goes by.", "I have a cold today. => I am sorry to hear it.",
    "Look, the sun is out. => How nice.", "I am hungry. => Eat something, I will wait.", "My chair is broken. => Then stand "
    "for a while.", "A letter from {name}! => I hope it is good news.",
)  # fmt: skip
GO_ON = (
    "Now go on.", "Go on, please.", "Where were we?", "So, what comes next?", "And then?", "Good. Please go on.", "I am back.",
    "That is done. What is next?", "Now, where did we stop?",
    "Let us go on.", "Back again. And now?", "Thank you for waiting. Go on.", "All right, the next step?", "Well, how does it "
    "go on?", "Shall we go on?", "What was I doing?", "Sorry for that. Please go on.",
    "Now I can listen again.", "We can go on now.", "What do I do after that?", "And after that?", "I am ready again.",
    "Tell me the next step.", "Now tell me more.",
    "So, where were we?", "What should I do next?", "Here I am again.", "Fine. Continue, please.",
)  # fmt: skip

# Each request that leaves something out, the question back, and the word that it must name.
UNCLEAR = (
    "write a letter => Who is the letter for, and what should it say? => letter", "send this to {name} => What should I send "
    "to {name}? => {name}", "add these numbers => Which numbers should I add? => numbers",
    "book a table => For how many people, and when, do you want the table? => table", "read it aloud => What should I read "
    "aloud? => read", "tell {name} the news => Which news should I tell {name}? => {name}",
    "wake me early => At what hour should I wake you? => wake", "buy some bread => How much bread should I buy? => bread",
    "find the way => Where do you want to find the way to? => way", "call my friend => Which friend should I call? => friend",
    "count them => What should I count? => count", "draw a picture => What should be in the picture? => picture",
    "choose a colour => What is the colour for? => colour", "make a list => What should be on the list? => list",
    "plan my day in {town} => What do you want to do in {town}? => {town}", "find a house in {town} => How big should the "
    "house in {town} be? => {town}", "sing a song => Which song should I sing? => song",
    "tell a story => What should the story be about? => story", "write a note to {name} => What should the note to {name} "
    "say? => {name}", "give this to {name} => What should I give to {name}? => {name}",
    "look it up => What should I look up? => look", "mend it => What should I mend? => mend", "order a pizza => Which pizza "
    "should I order? => pizza", "set the clock => To what hour should I set the clock? => clock",
    "weigh it => What should I weigh? => weigh", "compare the two => Which two should I compare? => compare", "sort the words "
    "=> Which words should I sort? => words", "invite everyone to {town} => Who should be invited to {town}? => {town}",
    "answer the letter of {name} => What should I answer to {name}? => {name}", "pack a bag => Where are you going with the "
    "bag? => bag", "write a speech => What is the speech about? => speech", "name the baby => Is the baby a boy or a girl? => "
    "baby",
    "buy a gift for {name} => What does {name} like? => {name}", "ask {name} => What should I ask {name}? => {name}",
    "cut the cloth => How long should the cloth be? => cloth", "get tickets to {town} => On which day do you go to {town}? => "
    "{town}",
    "spell the word => Which word should I spell? => word", "fetch the book => Which book should I fetch? => book",
    "paint the room => In which colour should I paint the room? => room", "lay the table => For how many should I lay the "
    "table? => table",
)  # fmt: skip
FRAMES = (
    "Please REQUEST.", "Can you REQUEST?", "Could you REQUEST for me?", "I want you to REQUEST.", "REQUEST, please.",
    "Will you REQUEST?", "Would you REQUEST?", "I need you to REQUEST.",
    "Help me REQUEST.", "You must REQUEST.", "It is time to REQUEST.", "Be so kind and REQUEST.", "REQUEST now.",
    "Now REQUEST.", "I would like you to REQUEST.", "Can somebody REQUEST?",
    "Try to REQUEST.", "My friend {other} said that you can REQUEST.", "Do me a favour and REQUEST.", "Hello, REQUEST for me.",
    "I am busy, so REQUEST.", "Next, REQUEST.", "Let us REQUEST.", "{other} wants you to REQUEST.",
    "Are you able to REQUEST?", "Before supper, REQUEST.", "I am in {town}. Please REQUEST.", "Who can REQUEST?",
)  # fmt: skip
