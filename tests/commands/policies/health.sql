CREATE SCHEMA clinic; CREATE SCHEMA research;
CREATE TABLE clinic.patients (id bigint PRIMARY KEY, patient_no text UNIQUE, first_name text, last_name text, birth_date date, sex char(1), insurance_no text, street text, postcode text, phone text);
CREATE TABLE clinic.stays (id bigint PRIMARY KEY, patient_no text, ward text, kind text, admitted date, discharged date, icd10 text, letter text, bed text);
CREATE TABLE clinic.results (id bigint PRIMARY KEY, patient_no text, taken timestamptz, test text, value numeric, unit text);
CREATE TABLE clinic.invoices (id bigint PRIMARY KEY, patient_no text, amount numeric(10,2), state text);
INSERT INTO clinic.patients VALUES (1, 'P1', 'Ana', 'Kovač', '1950-01-02', 'f', 'A123456789', 'Am Kanal 1', '10115', '030 1234');
INSERT INTO clinic.stays VALUES (1, 'P1', 'cardiology', 'planned', '2024-01-02', '2024-01-09', 'I25.1', 'Dear colleague', '12a');
