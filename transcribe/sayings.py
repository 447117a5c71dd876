"""What people say in meetings that tells who is who, as patterns over sentences.

A sentence is in lower case, without punctuation, and its names are @0, @1 …; articles and honours belong to the name
("the honourable Member for Mill" is one). The manners are those of British councils and committees first, and of
parliaments that took after theirs.
"""

import re

from transcribe.spoken import word_set

NAME = r"@(\d+)(?!['\d])"
_FILLER = (
    r"(?:thank you|thanks|very much|so much|okay|ok|right|yes|yeah|so|now|next|and|well|please|sorry|good|great|lovely"
    r"|then|first|first of all|finally|um|uh|er|erm|i think|go ahead|go on|first up|next up|over to you"
    r"|back to you|to you|come in|do come in"
    r"|carry on|continue|the floor is yours|the floor is now yours|when you're ready|thank you for waiting|for"
    r" your patience|if you would"
    r"|if you could|if you like|if i may|whenever you're ready|on you go|away you go|off you go|you first|your turn"
    r"|you're up|you're on|and finally|lastly|last|all right|fine|perfect|excellent|brilliant|sure|certainly|of course"
    r"|absolutely|diolch|cheers|your question|again|up next|in that case|you're next|you are next|is next|on this"
    r"|on that"
    r"|briefly|very briefly|quickly|very quickly|has the floor|you have the floor|the floor|you may|proceed|that point)"
)
_DO = (
    r"(?:tell|update|explain|answer|respond|speak|help|say|add|pick|come|give|talk|confirm|clarify|cover|comment|deal"
    r"|elaborate|expand|fill|assist|advise|present|introduce|take|run|walk|lead|start|kick|open|read|set|do)"
)
_HAND = r"(?:question|questions|supplementary|point|comment|hand up|go|follow-up|followup|response|answer|word)"

# -- the floor is given to somebody --------------------------------------------------------------------

_NUMBERED = r"(?:(?:agenda )?(?:item|question|amendment|motion)(?: number)? \w+ )?"
BARE = re.compile(rf"(?:{_FILLER} )*{_NUMBERED}{NAME}(?: {_FILLER})*(?: on (?:\w+ ){{0,3}}\w+)?")
INVITE = re.compile(
    r"(?:\b(?:i'll|i will|i'd like to|i would like to|i want to|let me|let's|let us|can i|could i|may i|we'll|we will"
    r"|i'm going to|i am going to|we're going to|can we|shall we|if i can|if i could|i can|so|now|please)(?: just| now"
    r"| then| next| first)*|^(?:and |then |next |okay |thank you )*)"
    r" ?(?:bring in|bring|call on|call upon|call|invite|take|have|try|hear from|start with|begin with|continue with"
    r"|proceed with|go with|finish with|introduce|recognise|recognize|give the floor to|hand the floor to|let in"
    r"|(?:come|go|turn|move|return|hand|pass|proceed|continue)(?: now| next| straight| back| over| round| across|"
    r" on)* to)"
    rf"(?: first| now| in| you)* {NAME}"
    rf"|\bover to (?:you )?{NAME}"
    rf"|(?:^|\bi'm )(?:handing|passing|coming|turning|going|moving|back|across)(?: \w+){{0,2}}? to {NAME}"
    rf"|\b(?:give|offer) {NAME} (?:the (?:floor|last word|final word|chance|opportunity)|a (?:chance|minute|moment))"
    rf"|\b(?:last|final) word (?:to|from|for|is for|goes to|is with) {NAME}|\bin the name of {NAME}$"
    rf"|\b(?:to|will) be (?:moved|presented|introduced|opened|answered|led) by {NAME}"
    rf"|(?<!was )(?<!were )(?<!been )\b(?:presented|introduced) by {NAME}$|\b(?:what|how) about (?:you )?{NAME}$"
    rf"|^(?:\w+ ){{0,3}}?(?:any \w+|anything)(?: from| to add| else| more){{0,2}} {NAME}$"
    rf"|\b(?:that's|this is|that is|this one's|that one's|it's) (?:one |a question |probably )*for {NAME}(?: i think)?$"
    rf"|\b(?:and|so) that(?:'s| is) {NAME}$"
    rf"|\bi (?:now |then |next |therefore |will now |would now )?(?:call|invite)(?: on| upon)? {NAME}"
    r"|\b(?:i'll|i will|i'd|i would|i'd like to|i would like to|can i|could i|may i|let me|i'm going to)(?: now| then"
    rf"| next| just| perhaps)* (?:ask|invite) {NAME} (?:to|if|whether)\b"
    r"|\b(?:i can see|i see|i've got|i have|there's|i saw) @(\d+)'s hand\b"
    rf"|\blet {NAME} (?:continue|finish|speak|respond|answer|reply|come in|come back|pick|take|add|say|start|go"
    r"|explain|tell)\b"
    rf"|\b(?:first|second|third|fourth|fifth|sixth|next|last) (?:one )?(?:is |comes )?from {NAME}$"
    rf"|\b(?:next|first|second|third|fourth|last|final|another) (?:questions?|speaker|hand|one|contribution|slot|word"
    rf"|set of questions)"
    rf"(?: \w+){{0,3}}? (?:is|are|to|from)(?: from| to| with| for| on [\w ]{{1,30}} from)? {NAME}"
    rf"|\b(?:questions?|floor|slot) (?:\w+ ){{0,6}}?(?:is|are|goes|passes|comes|will go|will be|will come|from)"
    rf"(?: now| next| back| over)*(?: to| from| for)? {NAME}$"
    rf"|\b(?:i have|i've got|i see|we have|we've got) {NAME} (?:next|first|now)"
    rf"|\b(?:next|now|then|up|first)(?: up)?(?: on (?:the|my) list)? (?:we have|we've got|is|it's|i have|comes) {NAME}$"
)
FLOOR = re.compile(
    rf"{NAME} (?:your (?:hand|light|name|mic\w*)(?:'s| is| has| was)|(?:again|first|next) and then\b"
    rf"|you're next|you are next|next\b|the floor is(?: now)? yours|over to you|would you|do you want to"
    rf"|did you (?:want|have)"
    r"|you (?:wanted|asked|indicated|put|were going|have the floor|had|have|may)\b|you've (?:got|had) (?:a|your|the)\b"
    r"|your question|please|go ahead|go on|off you go|has the floor|you're on mute|you are on mute|you're muted"
    r"|you've (?:\w+ )?(?:been|agreed|offered|asked)\b|this is (?:one for you|yours|your \w+)$"
    r"|(?:could be|can be|is) (?:here|with us)(?: tonight| today| this \w+)? to (?:present|introduce|speak|talk)\b"
    rf"|(?:can|could|may|might|will|is going to|is here to)(?: perhaps| probably| now| just| briefly)? {_DO}\b"
    r"|(?:may|might|will)(?: well)? (?:want|like|wish|be able) to\b|wants in\b|leads on (?:this|that)\b"
    r"|(?:has|have)(?: also)? been (?:(?:waiting|trying|wanting|itching)(?: very patiently| patiently)?"
    r"(?:$| to (?:come|get|catch|speak|say|ask|make|contribute)\b(?! (?:this|that|it|things))"
    r"| for (?:a while|some time|a (?:long|little) (?:time|while)|ages)$)|(?:very )?patient\b)"
    r"|is (?:probably )?(?:the )?best (?:placed|person)"
    r"|i(?:'ll| will) (?:come|go|turn|hand|pass|bring|let|start|give)\b"
    r"|i'm (?:coming|going) to (?:you|come|start|ask|bring|let|hand)\b"
    r"|your \w+ minutes|to (?:move|second|propose|present|introduce|respond|reply|speak|open|close|sum up)\b"
    r"|on this$|is (?:going|next)\b|take it away|can you hear)"
    rf"|@(\d+)(?:'s| has| has got| had)(?: got)? (?:a|an|another|the|her|his|their|some|one)(?: \w+){{0,2}}? {_HAND}\b"
    rf"|@(\d+)(?: has| has got| had|'s got)(?: some| an?)? (?:wording|amendment|motion|recommendation|update)\b"
    rf"|{NAME} (?:wants|wanted|would like|wishes|is waiting|has asked|is indicating|has indicated)(?: just)? to"
    r" (?:come (?:back )?in|start|speak|ask|say|respond|reply|add|contribute)"
)
INDICATED = re.compile(rf"{NAME} (?:has|is) (?:just )?(?:indicated|indicating|waving)$")
OFFER = re.compile(
    rf"(?:{_FILLER} )*{NAME} (?:would you (?:like|wish|want) to|do you (?:want|wish) to|did you (?:want|wish) to)\b"
)
OFFERED = re.compile(
    rf"\b(?:does|do|did|would) {NAME} (?:wish|want|like|care) to (?:add|say|comment|respond|reply|come|speak)\b"
)
CHAIR_GIVEN = re.compile(  # and not where somebody is only proposed for it
    r"^(?!.*\b(?:nominat\w+|propos\w+|mov(?:e|es|ing)|second\w*|suggest\w*|elect\w*|would like|want|if|pity|should)\b)"
    rf"(?:.*?{NAME} (?:to|will|can|is going to) (?:now )?(?:take|have|assume) the chair|.*\bthe chair to {NAME}$)"
)
MINUTES = re.compile(rf"{NAME}(?: please)? you(?:'ve| have)(?: got)?(?: up to| about)? \w+ (?:minutes?|seconds?)\b")
MINUTES_LEFT = re.compile(rf"\byou(?:'ve| have)(?: got)?(?: up to| about)? \w+ (?:minutes?|seconds?)(?: left)? {NAME}")
ASK = re.compile(rf"\b(?:ask|could i ask|may i ask) {NAME}(?: just| please| perhaps)? (?:to|if|for|whether|about)\b")
QUESTION = re.compile(
    rf"(?:{_FILLER} )*{NAME} (?:(?:perhaps |maybe )?(?:can|could|would|will|do|did|have|are|were) (?:you|we|i)\b"
    r"|(?:perhaps|maybe) you\b|is (?:that|this) (?:one )?for you\b).*"
)
ASKED_ABOUT = re.compile(
    rf"\b(?:can|could|will|would|does|did|is|has|should|may|why|when)(?:n't)? {NAME} (?!said|says|told)"
    rf"|\b(?:question|questions) (?:is|are|goes|go|was) (?:for|to) {NAME}|\b(?:hear|ask) {NAME} (?:tell|say|to|if"
    rf"|whether|about|what|how|why|when)\b"
    rf"|^(?:\w+ ){{0,3}}(?:for|to) {NAME} "
)
PUT_TO = re.compile(
    rf"\b(?:question|questions|one|mine|this|it)(?:'s| is| are| goes| go| was)?(?: \w+){{0,3}}? (?:for|to) {NAME}"
    rf"|\b(?:want|wanted|like|can i|could i|may i) (?:to )?(?:just )?ask {NAME}"
)
OPENS_WITH_NAME = re.compile(rf"(?!.*(?:thank you|thanks))(?:{_FILLER} )*{NAME} ")
NOT_NOW = re.compile(
    r"\bi (?:move|propose|suggest) (?:that )?@\d|\bnominat\w+ @\d"
    r"|\b(?:later|afterwards?|before|tomorrow|yesterday|earlier|in due course|in a (?:moment|minute|second|bit|while)"
    r"|shortly|at the end|once|if (?!i (?:can|could|may)\b)|unless|not|never|said|told|asked(?! to)|mentioned"
    r"|wrote|when"
    r"|for (?:example|instance)|another (?:day|time|meeting)|at (?:his|her|their) word|outside|will say that"
    r"|(?:next|last) (?:week|month|time|meeting|year|night)|after|instead of|until|already|won't|can't|don't|didn't"
    r"|(?:recorded|minuted|noted|marked) (?:as|that)|(?:take|taking) (?:the |some |our )?(?:notes?|minutes)"
    r"|take @\d+ through)\b"
)
TWO_IN_TURN = re.compile(rf"{NAME}.*\b(?:and then|then|followed by|and after that|before)\b.* @\d+")

ACKNOWLEDGED = re.compile(
    r"(?:(?:thank you|thanks|okay|right|yes|no|and|well|so) )*(?:that's|that is|that was|noted|understood|agreed"
    r"|(?:a )?(?:very |really )?(?:good|fair) (?:point|question|enough)|point (?:taken|noted|made)"
    r"|(?:very |much )?(?:appreciated|helpful|useful|clear)|absolutely|i (?:agree|understand|take|appreciate)"
    r"|you(?:'re| are) (?:\w+ )?(?:right|welcome)|you've made)\b"
    r".* @\d+(?: thank you| thanks)?(?: very much)?"
)

LAPSED = re.compile(  # a call that came to nothing, by what is said after it
    r"^(?:no|never mind|not to worry)\b|\b(?:she|he|they)(?:'s|'re| is| are| has| have)\b|\bmoving on\b"
    r"|\bany (?:more|other|further) (?:questions|comments|hands)\b|\b(?:anybody|anyone) (?:else|want)\b|^item \w+"
)

# -- and taken up, or not ------------------------------------------------------------------------------

_QUESTIONS = (
    r"(?:'re| are) (?:(?:not|very|quite|fairly|all|both) )*(?:short|brief|quick|simple|linked|related|similar)\b"
)
_WHOEVER = rf"(?:she|he|they(?!{_QUESTIONS}))"  # "they" may be the questions that somebody has
REFUSED = re.compile(
    rf"\b(?:(?<!i'm )(?<!i am )not (?:here|present|with us)|(?:{_WHOEVER}|@\d+)(?:'s|'re| is| are)? not \w+"
    r"|isn't (?:here|present|with us|able)|absent|interrupt"
    r"|has (?:left|gone|stepped|had to)|had to (?:go|leave|step|take)|stepped out"
    r"|left the (?:room|meeting|call|chamber)"
    r"|(?:sent|sends|given|gave|send) (?:\w+ )?apologies|apologies (?:from|for) @"
    r"|(?:on behalf|in place|instead) of (?:@|(?:my|our|a) colleague)|on (?:his|her) behalf"
    r"|i'm not @|i am not @|not me|wrong (?:person|name|councillor|one)|point of (?:order|information|clarification)"
    rf"|before (?:that|we (?:go|move|do|start)|you (?:go|move))|{_WHOEVER}(?:'s|'re| is| has| are| was| had) \w+"
    r"|can i just come in|may i come in)"
)
HERE = re.compile(
    r"(?:(?:yes|here|present|aye|no|nay|yea|for|against|abstain|abstaining|abstention|agreed|in favour|i'm|am|afraid"
    r"|please|madam|mr|chair|chairman|thank|thanks|you) ?){1,5}"
)
ACCEPTED = re.compile(
    r"(?:yes |well |and |good \w+ |um |okay )*(?:thank you|thanks|mr chair|madam chair|chair|of course|certainly"
    r"|sure|(?:i'm )?(?:very )?(?:happy|delighted|glad|grateful) to|diolch|good (?:morning|afternoon|evening))\b"
)

# -- thanks, and other words to whoever has just spoken ------------------------------------------------

THANKS = re.compile(
    rf"\b(?:thank you|thanks|grateful|obliged)(?: very much| so much| indeed| again| a lot| for (?:that|this|your \w+)|"
    rf" to)* {NAME}"
)
THANKS_FOR = re.compile(
    r"\b(?:thank you|thanks|grateful)(?: very much| so much| indeed)? for (?:that|this|your|those|the|all|coming|being"
    r"|waiting|joining)(?: [\w']+){1,6}?(?<! from)(?<! of)(?<! by)(?<! to)(?<! with)(?<! and)(?<! as)(?<! that)"
    rf" {NAME}$"
)
THANKED_AFTER = re.compile(r"@\d+ (?:thank you|thanks)(?: very much| so much| indeed| for that)?$")
ONLY_THANKS = re.compile(rf"(?:{_FILLER} )*(?:thank you|thanks)(?: very much| so much| indeed)? {NAME}")
BEFORE_VOCATIVE = re.compile(r"(?:^|.* )(?:by|from|of|with|and|or|including|colleagues?|like|as|than|for|about)$")
BEFORE_NAME_ALONE = word_set(
    "you us me it that there here now again please do today tonight anybody anyone everybody back in up right okay"
    " then else"
)
AFTER_VOCATIVE = re.compile(
    r"(?:i|i'm|i'll|i've|i'd|you|you're|you've|your|we|we've|we're|can|could|would|will|do|did|is|are|thank|thanks|what"
    r"|how|why|when|it|it's|that|that's|this|there|there's|if|yes|no|just|may|on|as|each|for|and|but|so|because"
    r"|not|in)\b"
)

# -- oneself -------------------------------------------------------------------------------------------

SELF = re.compile(
    rf"(?:\bmy name is|\bmy name's|\bi'm|\bi am) {NAME}"
    rf"|^(?:(?:hello|hi|yes|good|evening|morning|afternoon) )*{NAME} (?:speaking|here)$"
    rf"|\bit's {NAME} here\b(?! (?:that|who|whom)\b)"
)
SELF_IN_CHAIR = re.compile(
    r"\bi(?:'m| am) (?:the |your )?(?:chair(?:man|woman|person)?|convenor|convener)"
    r"(?: (?:of|for)(?: the| this| our| your| tonight's| today's)?(?: \w+){0,4}?"
    r" (?:committee|panel|board|council|commission|meeting|group|forum|authority|scrutiny|planning|licensing))?"
    rf"(?: tonight| today| here| this (?:evening|morning|afternoon))* {NAME}$"
)
APPOSITION = re.compile(
    rf"{NAME}(?: @(\d+)(?: .*)?| (?:i|i'm|i am|i've|i have|i'd|i'll|speaking for|representing)\b.*)"
)
ABOUT_ONESELF = re.compile(
    rf"{NAME} i(?:'ve (?:lived|been)| live| work| run| represent| look after|'m (?:a|an|the|from)) "
)
AS_ROLE = re.compile(
    rf"\bi(?:'m| am)?(?: speaking| here)? as {NAME}\b|^(?:(?:and|but|so|now|just|well|yes) )*speaking as {NAME}"
    rf"|\bmy \w+(?: \w+)? as {NAME}\b|(?<!you )(?<!her )(?<!him )(?<!them )\bas {NAME}"
    rf"(?: (?:for|on|of|in)(?: \w+){{1,4}}?)? (?:i|my)\b"
    rf"|\bi am {NAME}\b|\bi'm {NAME}\b|\b(?:in my|my) (?:role|capacity|responsibilit\w+|portfolio|job) as {NAME}\b"
)
INTRODUCTIONS = re.compile(
    r"\bintroduc(?:e|ing) (?:your|our|them)selves|\b(?:do|start with|some|round of|with) introductions\b"
    r"|\b(?:go|going|went) (?:around|round) the (?:table|room|screen|committee|panel)\b|\bsay who (?:you|they|we) are\b"
)
_HELLO = (
    r"(?:(?:yes|hello|hi|good|morning|afternoon|evening|thank you|thanks|all|everyone|everybody|chair|chairman|and|so"
    r"|um|er|erm) ?)"
)
GREETING = re.compile(rf"{_HELLO}{{1,6}}")
INTRODUCTION = re.compile(rf"{_HELLO}{{0,4}}@0(?!['\d])")
_MEMBER_FOR = r"(?:a|an|the|one of the|the other|another) (?:\w+ )?(?:members?|councillors?) for (?:the )?"
OWN_PLACE = re.compile(
    rf"\bi(?: represent|(?: have|'ve) represented) |\b(?:i'm|i am) (?:also |speaking as )?{_MEMBER_FOR}"
    rf"|(?<!you )(?<!her )(?<!him )(?<!them )\bas {_MEMBER_FOR}"
    r"(?=(?:(?!said|says|told|asked)[\w'-]+ ){0,4}(?!said|says|told|asked)[\w'-]+,? (?:i|i'm|i've|i'd|my)\b)|"
    r"\b(?:my|our) (?:own )?(?:constituen\w+|ward|riding|division|seat|residents|patch)"
    r"(?: here)?,? (?:of|in|from|is|for) "
)
PLACE_OF_ONES_OWN = re.compile(r"(?: is|'s) (?:in )?my (?:own )?(?:ward|patch|division|constituency)\b")
STRANGE_NAME = re.compile(r"\bmy name(?:'s| is) (?!@)\w")
# Before and after a whole name that is nobody's on the list, where it is the speaker's own.
BEFORE_OWN_NAME = re.compile(r"(?:.* )?(?:my name is|my name's|i'm|i am)")
BEFORE_NAME_HERE = re.compile(rf"{_HELLO}{{0,6}}(?:it's|this is)?")
NAME_HERE = re.compile(r"(?:here|speaking)\b")
AFTER_OWN_NAME = re.compile(
    r"i(?:'ve (?:lived|been)|'m (?:a|an|the|from)| am (?:a|an|the|from)| live| work| run| own| represent| speak for)\b"
    r"|(?:(?:a|an|the|local|concerned) )*resident\b|from (?:the|our)\b|(?:speaking for|representing)\b"
)
OF_SOMEBODY_ELSE = re.compile(
    r"(?:(?!\b(?:i|i'm|i've|i'd|my|we|we're|we've|our)\b).)*?"
    r"\b(?:you|your|he|she|his|her|who|ask(?:s|ed|ing)|has|wants?|wrote|says|said|is|was|will|would|can|could)\b"
)
QUOTED = re.compile(r"\b(?:said|says|say|saying|told|tells|like|asked|wrote|thinks?|if|when|because|who|that|not)\b")
REPORTED = re.compile(r"\b(?:said|says|told|tells|asked|wrote)\b")
OUTSIDER = re.compile(
    r"\b(?:residents?|i live|we live|i've lived|member of the public|my (?:son|daughter|shop|street))\b"
)

# -- the chair -----------------------------------------------------------------------------------------

_PANEL = (
    r"(?:this|the|tonight's|today's|our) (?:\w+ ){0,3}(?:committee|panel|meeting|scrutiny|board|council|commission)"
)
CHAIRING = re.compile(
    rf"\bas (?:the |your )?chair(?:man|woman|person)?(?: of {_PANEL})? i\b"
    rf"|\bi(?:'m| am)(?: @\d+)?(?: and)?(?: i'm)?(?: the| your)? chair(?:man|woman|person)? of {_PANEL}"
    rf"|\bi(?:'m| am|'ll be| will be) (?:chairing|the chair (?:of|for)) {_PANEL}"
)
OPENING = re.compile(
    r"\bcall this meeting to order\b|\bwelcome to (?:the \w+ meeting of )?(?:this|the|tonight's|today's|our)"
    r" (?:\w+ ){0,9}?(?:committee|panel|meeting|council|board|commission)\b|\bdeclare (?:this|the) meeting open\b"
)
GREETING_ALL = re.compile(r"\bgood (?:morning|afternoon|evening)\b")
_CHAIR = (
    r"(?: very much| so much)?(?: mr| madam| madame)? (?:chair(?:man|woman|person)?|convenor|convener)\b(?! of| and)"
)
# What whoever presides says of the business, whether anybody is called by name or not.
BUSINESS = tuple(
    re.compile(rf"\b(?:{said})\b")
    for said in (
        r"apologies$|apologies for absence|any apologies",
        r"declarations?(?: of)? interests?|any declarations?|(?:anybody|anyone)(?: got| have) an interest",
        r"minutes of the (?:last|previous|meeting)",
        r"item (?:\d+|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)(?! of)",
        r"in favour$|^against$|^abstentions|any against|all agreed|(?:are we|is that|is it) agreed",
        r"do (?:i|we) have a (?:seconder|proposer)|is (?:there|that) (?:a seconder|seconded)|someone (?:second|propose)"
        r"|a seconder$",
        r"(?:that's|that is|motion is|motion's) (?:clearly )?(?:carried|lost|agreed)",
        r"any other business|date of (?:the )?next meeting|next meeting(?:'s| is)",
        r"(?:close|closed) the meeting|meeting (?:is )?closed|the meeting(?: is)? adjourned|good night",
        r"moving on(?: then)?(?: to)?|move on to|next item|any (?:other )?(?:questions|comments)|any(?:body|one) else",
        r"through the chair|one at a time|point of order",
        r"you(?:'ve| have)(?: got)? (?:three|five|ten|two) minutes|who's (?:first|next|going first)",
    )
)
THANKS_CHAIR = re.compile(rf"^(?:\w+ ){{0,4}}?(?:thank you|thanks){_CHAIR}")
TO_CHAIR = re.compile(
    rf"^(?:\w+ ){{0,4}}?(?:thank you|thanks|through you|yes|sorry|evening|morning|afternoon){_CHAIR}"
    r"|^(?:mr|madam|madame) chair(?:man|woman|person)?\b|^chair (?:i|can|could|may|just|on|thank|if|it|we)\b"
)

# -- who is not there ----------------------------------------------------------------------------------

APOLOGY = re.compile(
    r"\bapologies (?:for absence|(?:have been |were )?(?:received |given )?from)"
    r"|@\d+ (?:sends|has sent|have sent|gave|has given|have given) (?:\w+ )?apologies"
    r"|@\d+ (?:is|was|are) (?:unable|not able) to (?:attend|be|join)|@\d+ (?:can't|cannot) (?:be|join|make it|attend)"
)
APOLOGIES_READ = re.compile(
    r"\bapologies (?:for absence )?(?:have been (?:received|given)|(?:are|were|received|i have are) from|from)\b"
    r"|\b(?:i've|i have|we've|we have)(?: had| got| received)? (?:\w+ )?apologies"
)
LATE = re.compile(
    r"\b(?:late|lateness|leave early|join(?:ing)? us (?:then|later|shortly|at)|along (?:later|shortly))\b"
)
SUBSTITUTED = re.compile(rf"\b(?:substitut\w+|deputising|standing in|attending) (?:for|in place of) {NAME}")
SAID_TO_BE_LATE = re.compile(
    r"\bapologies for (?:lateness|late arrival|being late)(?: \w+){0,3}? from @(\d+)"
    r"|@(\d+)(?! .*@\d.*\b(?:late|lateness|delayed)\b)(?: [\w']+){0,12}"
    r" (?:late|lateness|delayed|held up|on (?:his|her|their) way)\b"
)
SORRY_TO_BE_LATE = re.compile(
    r"\b(?:sorry|apologise|apologies|forgive me)(?: for)?(?: (?:that|if|to|be|being|my|i'm|i|am|was|have|been|come|a"
    r"|bit|little|slightly|so|arriving|coming|chair|all|everyone|everybody)){0,6} (?:late|lateness|delayed)\b"
)
