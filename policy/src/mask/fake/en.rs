//! English words. What stands in a list, and where, is part of every fake: a list is never changed, or all fakes change.

use super::Words;

pub(super) const WORDS: Words = Words {
    first_names: "\
James,Mary,Robert,Patricia,John,Jennifer,Michael,Linda,David,Elizabeth,William,Barbara,Richard,Susan,Joseph,Jessica,Thomas,Sarah,\
Charles,Karen,Christopher,Lisa,Daniel,Nancy,Matthew,Betty,Anthony,Sandra,Mark,Margaret,Donald,Ashley,Steven,Kimberly,Andrew,Emily,\
Paul,Donna,Joshua,Michelle,Kenneth,Carol,Kevin,Amanda,Brian,Melissa,George,Deborah,Timothy,Stephanie,Ronald,Rebecca,Jason,Sharon,\
Edward,Laura,Jeffrey,Cynthia,Ryan,Dorothy,Jacob,Amy,Gary,Kathleen,Nicholas,Angela,Eric,Shirley,Jonathan,Emma,Stephen,Brenda,Larry,\
Pamela,Justin,Nicole,Scott,Anna,Brandon,Samantha,Benjamin,Katherine,Samuel,Christine,Gregory,Debra,Alexander,Rachel,Patrick,Carolyn,\
Frank,Janet,Raymond,Maria,Jack,Olivia,Dennis,Heather,Jerry,Helen,Tyler,Catherine,Aaron,Diane,Jose,Julie,Adam,Victoria,Nathan,Joyce,\
Henry,Lauren,Zachary,Kelly,Douglas,Christina,Peter,Ruth,Kyle,Joan,Noah,Virginia,Ethan,Judith,Jeremy,Evelyn,Christian,Hannah,Walter,\
Andrea,Keith,Megan,Austin,Cheryl,Roger,Jacqueline,Terry,Madison,Sean,Teresa,Gerald,Abigail,Carl,Sophia,Dylan,Martha,Harold,Sara,\
Jordan,Gloria,Jesse,Janice,Bryan,Kathryn,Lawrence,Ann,Arthur,Isabella,Gabriel,Judy,Bruce,Charlotte,Logan,Julia,Billy,Grace,Joe,Amber,\
Alan,Alice,Juan,Jean,Elijah,Denise,Willie,Frances,Albert,Danielle,Wayne,Marilyn,Randy,Natalie,Mason,Beverly,Vincent,Diana,Liam,\
Brittany,Roy,Theresa,Bobby,Kayla,Caleb,Alexis,Bradley,Doris,Russell,Lori,Lucas,Tiffany",
    last_names: "\
Smith,Johnson,Williams,Brown,Jones,Garcia,Miller,Davis,Rodriguez,Martinez,Hernandez,Lopez,Gonzalez,Wilson,Anderson,Thomas,Taylor,\
Moore,Jackson,Martin,Lee,Perez,Thompson,White,Harris,Sanchez,Clark,Ramirez,Lewis,Robinson,Walker,Young,Allen,King,Wright,Scott,\
Torres,Nguyen,Hill,Flores,Green,Adams,Nelson,Baker,Hall,Rivera,Campbell,Mitchell,Carter,Roberts,Gomez,Phillips,Evans,Turner,Diaz,\
Parker,Cruz,Edwards,Collins,Reyes,Stewart,Morris,Morales,Murphy,Cook,Rogers,Gutierrez,Ortiz,Morgan,Cooper,Peterson,Bailey,Reed,\
Kelly,Howard,Ramos,Kim,Cox,Ward,Richardson,Watson,Brooks,Chavez,Wood,James,Bennett,Gray,Mendoza,Ruiz,Hughes,Price,Alvarez,Castillo,\
Sanders,Patel,Myers,Long,Ross,Foster,Jimenez,Powell,Jenkins,Perry,Russell,Sullivan,Bell,Coleman,Butler,Henderson,Barnes,Gonzales,\
Fisher,Vasquez,Simmons,Romero,Jordan,Patterson,Alexander,Hamilton,Graham,Reynolds,Griffin,Wallace,Moreno,West,Cole,Hayes,Bryant,\
Herrera,Gibson,Ellis,Tran,Medina,Aguilar,Stevens,Murray,Ford,Castro,Marshall,Owens,Harrison,Fernandez,McDonald,Woods,Washington,\
Kennedy,Wells,Vargas,Henry,Chen,Freeman,Webb,Tucker,Guzman,Burns,Crawford,Olson,Simpson,Porter,Hunter,Gordon,Mendez,Silva,Shaw,\
Snyder,Mason,Dixon,Munoz,Hunt,Hicks,Holmes,Palmer,Wagner,Black,Robertson,Boyd,Rose,Stone,Salazar,Fox,Warren,Mills,Meyer,Rice,\
Schmidt,Garza,Daniels,Ferguson,Nichols,Stephens,Soto,Weaver,Ryan,Gardner,Payne,Grant,Dunn,Kelley,Spencer,Hawkins",
    cities: "\
Albany,Arlington,Ashford,Augusta,Austin,Bath,Bedford,Boston,Boulder,Bradford,Bristol,Buffalo,Burlington,Cambridge,Canton,Carlisle,\
Charleston,Chelmsford,Chester,Cleveland,Clinton,Columbia,Concord,Dallas,Dayton,Denver,Derby,Dover,Durham,Exeter,Fairfield,Falmouth,\
Fargo,Franklin,Georgetown,Gloucester,Greenville,Halifax,Hamilton,Harrogate,Hartford,Helena,Hereford,Houston,Hudson,Huntington,Ipswich,\
Jackson,Kingston,Lakewood,Lancaster,Lansing,Leeds,Leicester,Lexington,Lincoln,Liverpool,Madison,Manchester,Marion,Memphis,Milton,\
Nashville,Newport,Newton,Norfolk,Northampton,Norwich,Oakland,Oxford,Paisley,Perth,Phoenix,Plymouth,Portland,Portsmouth,Preston,\
Reading,Richmond,Riverside,Rochester,Salem,Salisbury,Savannah,Seattle,Sheffield,Shrewsbury,Southampton,Springfield,Stafford,Stamford,\
Stirling,Sunderland,Swansea,Taunton,Trenton,Truro,Wakefield,Warwick,Waterford,Wells,Winchester,Windsor,Worcester,York",
    streets: "\
Oak Street,Maple Avenue,Cedar Lane,Park Road,High Street,Church Street,Mill Lane,Station Road,Victoria Road,Green Lane,Main Street,\
Elm Street,Pine Street,Washington Street,Lake Street,Hill Road,Walnut Street,Spring Street,North Street,South Street,West Street,\
East Street,Ridge Road,Center Street,Chestnut Street,Sunset Avenue,River Road,Meadow Lane,Forest Drive,Willow Drive,Cherry Lane,\
Dogwood Drive,Highland Avenue,Jefferson Street,Lincoln Avenue,Franklin Street,Jackson Street,Madison Avenue,Adams Street,Grove Street,\
School Lane,Manor Road,The Crescent,Queens Road,Kings Road,New Road,London Road,York Road,Springfield Road,Albert Road,Alexandra Road,\
Grange Road,Stanley Road,Richmond Road,Windsor Road,Bridge Street,Market Street,Garden Street,Orchard Road,Valley View",
    number_first: true,
    number_between: " ",
    trades: "\
Analytics,Builders,Catering,Chemicals,Clothing,Consulting,Design,Electronics,Engineering,Farms,Foods,Foundry,Furniture,Garages,Glass,\
Holdings,Insurance,Labs,Logistics,Marine,Media,Metals,Motors,Optics,Packaging,Paper,Pharma,Plastics,Press,Properties,Systems,Software,\
Textiles,Tools,Trading,Transport,Travel,Ventures",
    legal_forms: "Inc.,LLC,Ltd,PLC,Corp.,Co.,Group,Partners",
    // NANP: 555-0100 to 555-0199 of every area code are for fiction (https://nationalnanpa.com/number_resource_info/555_numbers.html).
    phones: "\
+1 201-555-01##,+1 202-555-01##,+1 203-555-01##,+1 205-555-01##,+1 206-555-01##,+1 207-555-01##,+1 208-555-01##,+1 209-555-01##,\
+1 210-555-01##,+1 212-555-01##,+1 213-555-01##,+1 214-555-01##,+1 215-555-01##,+1 216-555-01##,+1 217-555-01##,+1 218-555-01##,\
+1 219-555-01##,+1 225-555-01##,+1 228-555-01##,+1 229-555-01##,+1 231-555-01##,+1 234-555-01##,+1 239-555-01##,+1 240-555-01##,\
+1 248-555-01##,+1 251-555-01##,+1 252-555-01##,+1 253-555-01##,+1 254-555-01##,+1 256-555-01##,+1 260-555-01##,+1 262-555-01##,\
+1 267-555-01##,+1 269-555-01##,+1 270-555-01##,+1 276-555-01##,+1 281-555-01##,+1 301-555-01##,+1 302-555-01##,+1 303-555-01##,\
+1 304-555-01##,+1 305-555-01##,+1 307-555-01##,+1 308-555-01##,+1 309-555-01##,+1 310-555-01##,+1 312-555-01##,+1 313-555-01##,\
+1 314-555-01##,+1 315-555-01##,+1 316-555-01##,+1 317-555-01##,+1 318-555-01##,+1 319-555-01##,+1 320-555-01##,+1 321-555-01##,\
+1 323-555-01##,+1 325-555-01##,+1 330-555-01##,+1 334-555-01##,+1 336-555-01##,+1 337-555-01##,+1 339-555-01##,+1 347-555-01##,\
+1 351-555-01##,+1 352-555-01##,+1 360-555-01##,+1 361-555-01##,+1 386-555-01##,+1 401-555-01##,+1 402-555-01##,+1 404-555-01##,\
+1 405-555-01##,+1 406-555-01##,+1 407-555-01##,+1 408-555-01##,+1 409-555-01##,+1 410-555-01##,+1 412-555-01##,+1 413-555-01##",
};
