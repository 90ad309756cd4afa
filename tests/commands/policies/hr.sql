CREATE SCHEMA hr; CREATE SCHEMA planning;
CREATE TABLE hr.departments (id int PRIMARY KEY, title text, site text);
CREATE TABLE hr.employees (id bigint PRIMARY KEY, name text, work_email text, private_email text, private_phone text, iban text, salary int, birth_date date, gender text, grade int, department_id int REFERENCES hr.departments, manager_id bigint);
CREATE TABLE hr.leave (employee_id bigint, kind text, first_day date, last_day date, reason text);
CREATE TABLE hr.reviews (employee_id bigint, year int, rating int, comment text);
INSERT INTO hr.departments VALUES (10, 'Sales', 'Bonn'), (20, 'Works', 'Kiel');
INSERT INTO hr.employees VALUES (1, 'Ana Kovač', 'ana@corp', 'a@x', '1', 'DE1', 61234, '1980-01-01', 'f', 7, 10, NULL), (2, 'Bo Lund', 'bo@corp', 'b@x', '2', 'SE2', 52345, '1990-01-01', 'm', 6, 20, 1);
