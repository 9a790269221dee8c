-- The tables of an invented university that omobility-las.yaml reads, with three stays in them.
-- A version of an agreement is what student and coordinator sign: the first one, or a list of all changes to it.
-- The changes of stay 302 are not signed by the coordinator yet.
CREATE TABLE stay (
  stay_no INTEGER PRIMARY KEY, esi TEXT, given_names TEXT, family_name TEXT, born TEXT, country TEXT, sex TEXT,
  mail TEXT, faculty TEXT, unit TEXT, contact_given TEXT, contact_family TEXT, contact_mail TEXT, partner TEXT,
  partner_given TEXT, partner_family TEXT, partner_mail TEXT, academic_year TEXT, starts TEXT, ends TEXT, cycle TEXT,
  field TEXT, language TEXT, level TEXT
);
CREATE TABLE version (
  version_no INTEGER PRIMARY KEY, stay_no INTEGER, student_signed TEXT, signer TEXT, signer_position TEXT,
  signer_mail TEXT, signed TEXT, changed_at TEXT
);
CREATE TABLE course_abroad (
  version_no INTEGER, position INTEGER, code TEXT, title TEXT, term INTEGER, credits REAL, change TEXT, reason TEXT
);
CREATE TABLE course_at_home (
  version_no INTEGER, position INTEGER, code TEXT, title TEXT, term INTEGER, credits REAL, change TEXT, conditions TEXT
);
CREATE TABLE course_online (
  version_no INTEGER, position INTEGER, title TEXT, about TEXT, credits REAL, change TEXT, reason TEXT
);
CREATE TABLE short_course (
  version_no INTEGER, position INTEGER, kind TEXT, code TEXT, title TEXT, about TEXT, credits REAL
);

INSERT INTO stay VALUES
  (301, 'urn:schac:personalUniqueCode:int:esi:north.example:301245', 'Elina', 'Mäkelä', '2004-05-31', 'FI', 'F',
   'elina.makela@students.north.example', 'Faculty of Science', 'unit-17', 'Aino', 'Korhonen',
   'aino.korhonen@north.example', 'south.example', 'João', 'Silva', 'joao.silva@south.example', '2026/2027',
   '2026-09-01', '2027-01-31', 'B', '0613', 'en', 'B2'),
  (302, 'urn:schac:personalUniqueCode:int:esi:north.example:301300', 'Onni', 'Laine', '2003-02-11', 'FI', 'M',
   'onni.laine@students.north.example', 'Faculty of Science', 'unit-17', 'Aino', 'Korhonen',
   'aino.korhonen@north.example', 'south.example', 'João', 'Silva', 'joao.silva@south.example', '2026/2027',
   '2026-09-01', '2027-01-31', 'B', '0613', 'en', 'B2'),
  (303, 'urn:schac:personalUniqueCode:int:esi:north.example:301400', 'Helmi', 'Niemi', '2002-12-01', 'FI', 'F',
   'helmi.niemi@students.north.example', 'Faculty of Science', 'unit-17', 'Aino', 'Korhonen',
   'aino.korhonen@north.example', 'south.example', 'João', 'Silva', 'joao.silva@south.example', '2026/2027',
   '2027-03-01', '2027-03-12', 'B', '0521', 'en', 'B2');
INSERT INTO version VALUES
  (1, 301, '2026-05-11 10:15', 'Aino Korhonen', 'Mobility coordinator', 'aino.korhonen@north.example',
   '2026-05-11 14:03', '2026-05-11 14:03:20'),
  (2, 302, '2026-05-12 09:00', 'Aino Korhonen', 'Mobility coordinator', 'aino.korhonen@north.example',
   '2026-05-12 12:30', '2026-05-12 12:30:00'),
  (3, 302, '2026-10-02 09:00', NULL, NULL, NULL, NULL, '2026-10-02 09:00:00'),
  (4, 303, '2026-11-20 10:00', 'Aino Korhonen', 'Mobility coordinator', 'aino.korhonen@north.example',
   '2026-11-20 11:00', '2026-11-20 11:00:00');
INSERT INTO course_abroad VALUES
  (1, 1, 'CS-301', 'Logic for computer scientists', 1, 6, NULL, NULL),
  (1, 2, 'CS-322', 'Big data processing', 1, 7.5, NULL, NULL),
  (1, 3, NULL, 'Language course', 1, NULL, NULL, NULL),
  (2, 1, 'CS-301', 'Logic for computer scientists', 1, 6, NULL, NULL),
  (3, 1, 'CS-301', 'Logic for computer scientists', 1, 6, '-', 'TIMETABLE'),
  (3, 2, 'CS-340', 'Advanced databases', 1, 6, '+', 'REPLACES');
INSERT INTO course_at_home VALUES
  (1, 1, 'TKT-220', 'Mathematical logic', 1, 5, NULL, NULL),
  (1, 2, 'TKT-350', 'Data engineering', 1, 8, NULL, 'The course work is shown to the examiner at home.'),
  (2, 1, 'TKT-220', 'Mathematical logic', 1, 5, NULL, NULL);
INSERT INTO course_online VALUES
  (1, 1, 'Ethics of computing', 'Six seminars in the evening, with students of three universities.', 2, NULL, NULL),
  (3, 1, 'Open data', 'Recorded lectures, and a project in pairs.', 3, '+', 'ONLINE');
INSERT INTO short_course VALUES
  (4, 1, 'blended', 'SUS-110', 'Sustainable cities: field week', NULL, 2),
  (4, 2, 'blended', NULL, 'Sustainable cities: preparation', 'Four evenings of lectures and group work from afar.', 1);
