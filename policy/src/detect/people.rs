//! Names that many people have, in small letters without accents.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::name::fold;

/// Whether a text looks like the name of a person: one of its words, and at most five words, none with a digit.
pub(super) fn is_named(text: &str) -> bool {
    static NAMES: LazyLock<HashSet<&str>> = LazyLock::new(|| FIRST.split_whitespace().chain(LAST.split_whitespace()).collect());
    let words: Vec<&str> = text.split([' ', ',', '-', '.']).filter(|word| !word.is_empty()).collect();
    if words.is_empty() || words.len() > 5 || text.chars().any(|c| c.is_numeric() || "@/_:;=#".contains(c)) {
        return false;
    }
    words.iter().any(|word| {
        let mut folded = String::new();
        word.chars().filter(|c| c.is_alphabetic()).for_each(|c| fold(c, &mut folded));
        NAMES.contains(folded.as_str())
    })
}

const FIRST: &str = "james mary robert patricia john jennifer michael linda david elizabeth william barbara richard susan joseph jessica thomas sarah charles karen \
    christopher lisa daniel nancy matthew betty anthony margaret mark sandra donald ashley steven kimberly paul emily andrew donna joshua michelle kenneth carol kevin \
    amanda brian dorothy george melissa timothy deborah ronald stephanie edward rebecca jason sharon jeffrey laura ryan cynthia jacob kathleen gary amy nicholas angela \
    eric shirley jonathan anna stephen brenda larry pamela justin emma scott nicole brandon helen benjamin samantha samuel katherine gregory christine alexander debra \
    patrick rachel frank carolyn raymond janet jack catherine dennis maria jerry heather tyler diane aaron ruth jose julie adam olivia nathan joyce henry virginia \
    liam noah ava sophia isabella mia ethan jasmine tyrone guadalupe wei priya dwayne oliver amelia isla harry poppy siobhan callum nia rhys zara imran charlotte alistair \
    freya kwame grace lucy chloe oscar leo max peter simon alice bob carol dave eve \
    lukas marie juergen katharina maximilian sophie joerg heike stefan claudia wolfgang annika tobias greta moritz ayse hannelore bjoern ute hans klaus helga ursula \
    monika petra andreas sabine birgit uwe dieter guenter gerhard horst manfred ingrid renate karin brigitte martina susanne ralf bernd juergen markus sven jan tim \
    lena leonie finn jonas felix paul ben elias luis hannah mila lina clara ida johanna frieda matthias christian kathrin silke anja nadine melanie \
    camille louis hugo lea jules manon gabriel elodie antoine mathilde theo ines francois aurelie mohamed jean pierre michel andre philippe alain jacques bernard nathalie \
    isabelle sylvie monique nicolas julien sebastien cedric laurent guillaume thierry pascal brigitte veronique celine amelie margaux oceane mathieu raphael arthur \
    lucia sofia martin inaki begona alvaro nerea jordi montserrat antonio manuel francisco juan javier carlos miguel rafael carmen ana isabel dolores pilar teresa \
    josefa cristina marta paula pablo diego sergio alejandro fernando luis jorge raul ruben elena raquel beatriz rocio \
    giulia leonardo francesca alessandro chiara lorenzo niccolo martina matteo giovanni beatrice giuseppe mario luigi salvatore francesco angelo vincenzo domenico marco \
    andrea luca paolo roberto stefano federica valentina alessia sara giorgia ilaria silvia \
    zofia jakub zuzanna szymon lukasz malgorzata pawel agnieszka wojciech katarzyna piotr krzysztof tomasz marcin barbara ewa magdalena joanna jan andrzej stanislaw \
    daan sem julia bram fleur thijs sanne joost willemijn pieter johan kees anouk lotte femke ruben lars niels maarten \
    zeynep yusuf elif mustafa defne caglar guelsen emre oezge ibrahim mehmet ahmet ali fatma emine hatice huseyin murat \
    lucas maja asa goeran linnea erik anders lars karl nils eva kristina astrid ingrid sven joao pedro tiago ana beatriz rita mariana goncalo \
    ελενη γιωργος μαρια κωνσταντινος σοφια δημητρης олена андрій оксана тарас наталія богдан іван марія олександр сергій ольга анна дмитрий елена \
    陽菜 蓮 結衣 大翔 美咲 翔太 yuki hiroshi takeshi sakura haruto hina ren yui hiroto misaki shota minh anh nguyen arjun rahul sanjay anita deepak \
    fatima ahmed omar hassan aisha khalid layla youssef";

const LAST: &str = "smith johnson williams brown jones garcia miller davis rodriguez martinez hernandez lopez gonzalez wilson anderson thomas taylor moore jackson martin lee \
    perez thompson white harris sanchez clark ramirez lewis robinson walker young allen king wright scott torres nguyen hill flores green adams nelson baker hall rivera \
    campbell mitchell carter roberts obrien washington patel kowalski hughes evans davies khan macdonald begum okafor singh oneill clarke murphy kelly ryan byrne \
    mueller schmidt schneider fischer weber wagner becker schulz hoffmann schaefer koch bauer richter klein wolf schroeder neumann zimmermann krueger yilmaz gross vogel \
    lehmann koehler schwarz braun hofmann hartmann lange werner krause meier meyer maier huber mayer herrmann walter peters lang keller frank berger winkler \
    bernard dubois robert petit durand leroy moreau lefevre garnier chevalier gauthier perrin benali rousseau mercier guerin laurent michel roux fournier girard bonnet \
    fernandez martin munoz ibanez puig etxeberria gomez ruiz diaz moreno alvarez romero alonso gutierrez navarro ramos \
    rossi russo ferrari esposito bianchi romano colombo ricci marino greco dangelo deluca conti gallo bruno costa giordano mancini \
    nowak wisniewski wojcik kowalczyk kaminski lewandowski zielinski szymanski dabrowski kozlowski mazur krawczyk \
    jong jansen vries berg bakker dijk visser smit meijer boer mulder bos vos \
    kaya demir sahin celik yildiz oeztuerk aydin arslan dogan silva santos oliveira souza pereira ferreira almeida \
    andersson johansson karlsson nilsson eriksson lindstroem sjoeberg akesson larsson olsson persson hansen nielsen jensen \
    παπαδοπουλος νικολαου γεωργιου οικονομου βλαχος шевченко коваленко бондаренко ткаченко мельник иванов петров ivanov petrov smirnov \
    佐藤 鈴木 高橋 田中 伊藤 渡辺 sato suzuki takahashi tanaka ito watanabe yamamoto wang zhang chen liu yang huang kim park choi tran";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_known_by_name() {
        for yes in ["Anna Müller", "MÜLLER, Jürgen", "O'Brien", "van den Berg", "Çağlar", "José", "Hans-Peter Meier", "田中"] {
            assert!(is_named(yes), "{yes}");
        }
        for no in ["", "Blue widget", "anna@example.com", "Room 5", "Senior Sales Manager of the North"] {
            assert!(!is_named(no), "{no}");
        }
    }
}
