//! French words. What stands in a list, and where, is part of every fake: a list is never changed, or all fakes change.

use super::Words;

pub(super) const WORDS: Words = Words {
    first_names: "\
Jean,Marie,Pierre,Nathalie,Michel,Isabelle,André,Sylvie,Philippe,Catherine,Alain,Françoise,Bernard,Martine,Jacques,Christine,Daniel,\
Monique,Christophe,Valérie,Éric,Sandrine,Laurent,Véronique,Stéphane,Stéphanie,David,Nicole,Olivier,Sophie,Thierry,Céline,Nicolas,Chantal,\
Patrick,Anne,Gérard,Patricia,Pascal,Brigitte,Julien,Julie,Claude,Aurélie,Christian,Laurence,Frédéric,Annie,Sébastien,Virginie,Dominique,\
Dominica,Guillaume,Émilie,François,Élodie,Bruno,Corinne,Vincent,Delphine,Thomas,Camille,Didier,Caroline,Alexandre,Audrey,Maxime,Mélanie,\
Jérôme,Laetitia,Antoine,Karine,Gilles,Pauline,Serge,Marion,Romain,Laura,Kévin,Sarah,Anthony,Léa,Hervé,Chloé,Cédric,Manon,Arnaud,Mathilde,\
Fabrice,Charlotte,Florian,Lucie,Benjamin,Emma,Lucas,Inès,Hugo,Jade,Louis,Louise,Gabriel,Alice,Arthur,Lina,Jules,Rose,Adam,Anna,Raphaël,\
Mila,Maël,Ambre,Léo,Julia,Nathan,Agathe,Ethan,Juliette,Noah,Zoé,Paul,Jeanne,Tom,Lola,Clément,Clara,Théo,Margaux,Mathis,Éva,Quentin,\
Océane,Valentin,Clémence,Simon,Noémie,Victor,Capucine,Baptiste,Romane,Robin,Apolline,Tristan,Victoire,Adrien,Constance,Samuel,Garance,\
Bastien,Blanche,Damien,Solène,Fabien,Gaëlle,Grégory,Hélène,Henri,Irène,Joël,Josiane,Ludovic,Lydie,Marc,Magali,Mathieu,Mireille,Patrice,\
Muriel,Raymond,Nadine,René,Odile,Robert,Pascale,Roger,Régine,Roland,Simone,Sylvain,Solange,Xavier,Suzanne,Yann,Thérèse,Yves,Viviane,\
Yannick,Yvette,Aurélien,Bérénice,Corentin,Colette,Denis,Denise,Émile,Estelle,Fernand,Fanny,Georges,Ghislaine,Gaspard,Huguette,Léon,Lucille",
    last_names: "\
Martin,Bernard,Thomas,Petit,Robert,Richard,Durand,Dubois,Moreau,Laurent,Simon,Michel,Lefebvre,Leroy,Roux,David,Bertrand,Morel,Fournier,\
Girard,Bonnet,Dupont,Lambert,Fontaine,Rousseau,Vincent,Muller,Lefevre,Faure,Andre,Mercier,Blanc,Guerin,Boyer,Garnier,Chevalier,Francois,\
Legrand,Gauthier,Garcia,Perrin,Robin,Clement,Morin,Nicolas,Henry,Roussel,Mathieu,Gautier,Masson,Marchand,Duval,Denis,Dumont,Marie,\
Lemaire,Noel,Meyer,Dufour,Meunier,Brun,Blanchard,Giraud,Joly,Riviere,Lucas,Brunet,Gaillard,Barbier,Arnaud,Martinez,Gerard,Roche,Renard,\
Schmitt,Roy,Leroux,Colin,Vidal,Caron,Picard,Roger,Fabre,Aubert,Lemoine,Renaud,Dumas,Lacroix,Olivier,Philippe,Bourgeois,Pierre,Benoit,Rey,\
Leclerc,Payet,Rolland,Leclercq,Guillaume,Lecomte,Lopez,Jean,Dupuy,Guillot,Hubert,Berger,Carpentier,Sanchez,Dupuis,Moulin,Louis,\
Deschamps,Huet,Vasseur,Perez,Boucher,Fleury,Royer,Klein,Jacquet,Adam,Paris,Poirier,Marty,Aubry,Guyot,Carre,Charles,Renault,Charpentier,\
Menard,Maillard,Baron,Bertin,Bailly,Herve,Schneider,Fernandez,Le Gall,Collet,Leger,Bouvier,Julien,Prevost,Millet,Perrot,Daniel,Le Roux,\
Cousin,Germain,Breton,Besson,Langlois,Remy,Le Goff,Pelletier,Leveque,Perrier,Leblanc,Barre,Lebrun,Marchal,Weber,Mallet,Hamon,Boulanger,\
Jacob,Monnier,Michaud,Rodriguez,Guichard,Gillet,Etienne,Grondin,Poulain,Tessier,Chevallier,Collin,Chauvin,Bouchet,Gay,Lemaitre,Benard,\
Marechal,Humbert,Reynaud,Antoine,Hoarau,Perret,Barthelemy,Cordier,Pichon,Lejeune,Gilbert,Lamy,Delaunay,Pasquier,Carlier,Laporte",
    cities: "\
Agen,Albi,Alençon,Amiens,Angers,Angoulême,Annecy,Antibes,Arles,Arras,Aurillac,Auxerre,Avignon,Bastia,Bayonne,Beauvais,Belfort,Besançon,\
Béziers,Blois,Bordeaux,Bourges,Brest,Brive,Caen,Cahors,Calais,Cannes,Carcassonne,Chambéry,Chartres,Châteauroux,Cherbourg,Cholet,Colmar,\
Compiègne,Dax,Dieppe,Digne,Dijon,Dole,Douai,Dunkerque,Épinal,Évreux,Foix,Fréjus,Gap,Grasse,Grenoble,Guéret,Hyères,Laon,Laval,\
Lens,Libourne,Lille,Limoges,Lorient,Lourdes,Lyon,Mâcon,Marseille,Martigues,Melun,Mende,Metz,Montauban,Montpellier,Moulins,Mulhouse,Nancy,\
Nantes,Narbonne,Nevers,Nice,Nîmes,Niort,Orange,Orléans,Paris,Pau,Périgueux,Perpignan,Poitiers,Privas,Quimper,Reims,Rennes,Roanne,\
Rodez,Roubaix,Rouen,Saumur,Sedan,Sète,Soissons,Strasbourg,Tarbes,Thionville,Toulon,Toulouse,Tours,Troyes,Tulle,Valence,Vannes,Verdun,\
Versailles,Vesoul,Vichy,Vienne",
    streets: "\
rue de la Gare,rue du Moulin,rue des Lilas,rue Victor Hugo,rue de l'Église,rue Pasteur,rue du Stade,rue de la Mairie,rue des Écoles,\
rue du Château,rue des Roses,rue de la Fontaine,rue Jean Jaurès,rue de la Paix,rue du Lavoir,rue des Acacias,rue de la Poste,\
rue du Général Leclerc,rue Jules Ferry,rue des Jardins,rue de Verdun,rue du Four,rue de la Forge,rue des Tilleuls,rue des Vignes,\
rue de l'Abbaye,rue du Pont,rue des Cerisiers,rue de la Croix,rue Émile Zola,avenue de la Gare,avenue de la République,avenue Foch,\
avenue du Stade,avenue des Platanes,avenue Pasteur,avenue de Paris,avenue Victor Hugo,boulevard Voltaire,boulevard de la Liberté,\
boulevard Gambetta,boulevard Carnot,place de la Mairie,place du Marché,place de l'Église,chemin des Dames,chemin du Moulin,\
chemin de la Plaine,chemin des Prés,chemin Vert,impasse des Peupliers,impasse du Lavoir,allée des Chênes,allée des Tilleuls,\
quai de la Marine,quai des Pêcheurs,route de Lyon,route de Paris,square des Arts,passage du Commerce",
    number_first: true,
    number_between: ", ",
    trades: "\
Automobiles,Bâtiment,Bois,Carrelages,Chimie,Composants,Conseil,Constructions,Cuisines,Distribution,Éditions,Électronique,Emballages,\
Énergie,Équipements,Fleurs,Formation,Frères,Immobilier,Imprimerie,Informatique,Jardins,Logistique,Maçonnerie,Matériaux,Mécanique,\
Menuiserie,Meubles,Métaux,Optique,Papeterie,Pharmacie,Plastiques,Services,Textiles,Traiteur,Transports,Verrerie,Voyages",
    legal_forms: "SARL,SA,SAS,SASU,EURL,SNC,et Cie,et Fils",
    // Arcep, decision 2018-0881: numbers for audiovisual works.
    phones: "\
+33 1 99 00 ## ##,+33 2 61 91 ## ##,+33 3 53 01 ## ##,+33 4 65 71 ## ##,+33 5 36 49 ## ##,+33 6 39 98 ## ##",
};
