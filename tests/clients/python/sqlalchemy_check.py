"""What users of SQLAlchemy 2 do, by each of its drivers: reflection, automap, ORM, pandas."""

import asyncio
import datetime
import sys
import warnings

import pandas
import sqlalchemy as sa
from sqlalchemy import func, orm
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.ext.automap import automap_base
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column, raiseload, relationship, selectinload, subqueryload

from common import MASKED, ROLE, check_email, check_emails, check_person, people

DRIVER = sys.argv[1]
# A composite type is none that it knows.
warnings.filterwarnings("ignore", "Did not recognize type")


def reflection(connection):
    inspector = sa.inspect(connection)
    assert {"crm", "adhoc", "information_schema"} <= set(inspector.get_schema_names())
    assert {"company", "person", "skill", "person_skill", "purchase", "rate", "signup"} <= set(inspector.get_table_names("crm"))
    assert inspector.get_view_names("crm") == ["turnover"] and inspector.get_materialized_view_names("crm") == ["by_source"]
    assert "tickets" in inspector.get_sequence_names("crm") and inspector.has_sequence("tickets", "crm")
    assert inspector.has_table("person", "crm") and not inspector.has_table("nobody", "crm")
    columns = {column["name"]: column for column in inspector.get_columns("person", "crm")}
    assert list(columns)[:5] == ["id", "company_id", "boss_id", "email", "full_name"] and len(columns) == 21
    assert columns["mood"]["type"].enums == ["low", "mid", "high"] and columns["full_name"]["type"].length == 80
    assert isinstance(columns["tags"]["type"], pg.ARRAY) and isinstance(columns["employed"]["type"], pg.DATERANGE)
    assert columns["initials"]["computed"]["persisted"] and columns["id"]["default"].startswith("nextval")
    assert inspector.get_columns("company", "crm")[0]["identity"]["always"] is False
    assert inspector.get_columns("company", "crm")[3]["comment"] == "In percent"
    assert inspector.get_pk_constraint("person_skill", "crm")["constrained_columns"] == ["person_id", "skill_code"]
    keys = {key["name"]: key for key in inspector.get_foreign_keys("person", "crm")}
    assert keys["person_company_id_fkey"]["options"] == {"ondelete": "CASCADE"} and len(keys) == 2
    assert [u["column_names"] for u in inspector.get_unique_constraints("person", "crm")] == [["email"]]
    assert [c["name"] for c in inspector.get_check_constraints("company", "crm")] == ["country_is_upper"]
    indexes = {index["name"]: index for index in inspector.get_indexes("person", "crm")}
    assert indexes["person_by_company"]["column_sorting"]["created"] == ("desc",) and indexes["person_lower"]["expressions"]
    assert indexes["person_tags"]["dialect_options"]["postgresql_using"] == "gin"
    assert inspector.get_table_comment("company", "crm")["text"] == "Whom we sell to"
    assert "sum(" in inspector.get_view_definition("turnover", "crm")
    assert [e["name"] for e in inspector.get_enums("crm")] == ["mood"] and [d["name"] for d in inspector.get_domains("crm")] == ["percent"]
    for multi in (inspector.get_multi_columns, inspector.get_multi_pk_constraint, inspector.get_multi_foreign_keys, inspector.get_multi_indexes,
                  inspector.get_multi_unique_constraints, inspector.get_multi_check_constraints, inspector.get_multi_table_comment):
        assert multi(schema="crm", kind=sa.engine.reflection.ObjectKind.ANY), multi
    assert inspector.get_sorted_table_and_fkc_names(schema="crm")
    inspector.get_temp_table_names()
    inspector.get_temp_view_names()
    metadata = sa.MetaData()
    metadata.reflect(connection, schema="crm", views=True)
    assert "crm.turnover" in metadata.tables
    person = metadata.tables["crm.person"]
    rows = connection.execute(sa.select(person).order_by(person.c.id)).mappings().all()
    assert len(rows) == people()
    for row in rows:
        check_person(row)


def automap(engine):
    # Purchases have a key that another table does not refer to; all tables with a primary key are mapped.
    base = automap_base()
    base.prepare(engine, schema="crm")
    with Session(engine) as session:
        found = session.scalars(sa.select(base.classes.person).order_by(base.classes.person.id).limit(3)).all()
        check_emails(p.email for p in found)
        assert found[0].company.name and found[0].person_skill_collection and found[0].purchase_collection


class Base(orm.DeclarativeBase):
    metadata = sa.MetaData(schema="adhoc")


class Crm(orm.DeclarativeBase):
    metadata = sa.MetaData(schema="crm")


class Company(Crm):
    __tablename__ = "company"
    id: Mapped[int] = mapped_column(sa.Identity(), primary_key=True)
    name: Mapped[str]
    country: Mapped[str] = mapped_column(sa.CHAR(2))
    people: Mapped[list["Person"]] = relationship(back_populates="company", order_by="Person.id")


class Person(Crm):
    __tablename__ = "person"
    id: Mapped[int] = mapped_column(primary_key=True)
    company_id: Mapped[int] = mapped_column(sa.ForeignKey(Company.id))
    boss_id: Mapped[int | None] = mapped_column(sa.ForeignKey("crm.person.id"))
    email: Mapped[str]
    full_name: Mapped[str | None]
    ssn: Mapped[str | None] = mapped_column(sa.CHAR(11))
    mood: Mapped[str] = mapped_column(pg.ENUM("low", "mid", "high", name="mood", schema="crm", create_type=False))
    tags: Mapped[list[str]] = mapped_column(pg.ARRAY(sa.Text))
    address: Mapped[dict | None] = mapped_column(pg.JSONB)
    salary: Mapped[float | None] = mapped_column(sa.Numeric(10, 2))
    dob: Mapped[datetime.date | None]
    score: Mapped[float | None]
    country: Mapped[str] = mapped_column(sa.CHAR(2))
    created: Mapped[datetime.datetime] = mapped_column(sa.DateTime(timezone=True), server_default=func.now())
    company: Mapped[Company] = relationship(back_populates="people")
    boss: Mapped["Person | None"] = relationship(remote_side=[id])
    purchases: Mapped[list["Purchase"]] = relationship(back_populates="person")


class Purchase(Crm):
    __tablename__ = "purchase"
    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(always=True), primary_key=True)
    placed: Mapped[datetime.date] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(sa.ForeignKey(Person.id))
    contact_email: Mapped[str | None]
    amount: Mapped[float] = mapped_column(sa.Numeric(12, 2))
    status: Mapped[str]
    details: Mapped[dict] = mapped_column(pg.JSONB)
    person: Mapped[Person] = relationship(back_populates="purchases")


class Signup(Crm):
    __tablename__ = "signup"
    email: Mapped[str] = mapped_column(primary_key=True)
    source: Mapped[str]


class Note(Base):
    __tablename__ = f"note_{DRIVER}"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(sa.String(40), unique=True)
    mood: Mapped[str | None] = mapped_column(sa.Enum("good", "bad", name=f"note_mood_{DRIVER}", inherit_schema=True))
    tags: Mapped[list[str] | None] = mapped_column(pg.ARRAY(sa.Text))
    doc: Mapped[dict | None] = mapped_column(pg.JSONB)
    at: Mapped[datetime.datetime] = mapped_column(sa.DateTime(timezone=True), server_default=func.now())
    lines: Mapped[list["Line"]] = relationship(back_populates="note", cascade="all, delete-orphan")


class Line(Base):
    __tablename__ = f"line_{DRIVER}"
    __table_args__ = (sa.UniqueConstraint("note_id", "number", deferrable=True), sa.CheckConstraint("number > 0"))
    id: Mapped[int] = mapped_column(sa.Identity(), primary_key=True)
    note_id: Mapped[int] = mapped_column(sa.ForeignKey(Note.id, ondelete="CASCADE"), index=True)
    number: Mapped[int]
    text: Mapped[str | None]
    note: Mapped[Note] = relationship(back_populates="lines")


def reading(session):
    statement = sa.select(Person).options(joinedload(Person.company), selectinload(Person.purchases), joinedload(Person.boss)).order_by(Person.id)
    found = session.scalars(statement).unique().all()
    assert len(found) == people()
    check_emails(p.email for p in found)
    assert all(len(p.purchases) == 4 and p.company.name for p in found)
    session.expunge_all()
    for option in (subqueryload(Company.people), joinedload(Company.people), selectinload(Company.people).raiseload(Person.boss)):
        companies = session.scalars(sa.select(Company).options(option).order_by(Company.id).limit(4)).unique().all()
        assert len(companies) == 4 and sum(len(c.people) for c in companies) == (people() // 3 if not MASKED else sum(len(c.people) for c in companies))
        session.expunge_all()
    person = session.get(Person, 1)
    check_email(person.email)
    assert person.company.people and person.address["zip"] == 10001
    assert session.scalars(sa.select(Person).where(Person.email == sa.select(Signup.email).order_by(Signup.email).limit(1).scalar_subquery())).one()
    session.refresh(person, ["email"])
    # Aggregates, groups, windows, CTEs, EXISTS, unions, lateral.
    rows = session.execute(sa.select(Person.country, func.count(), func.avg(Person.score), func.max(Person.created)).group_by(Person.country)
                           .having(func.count() > 3).order_by(sa.desc(Person.country))).all()
    assert len(rows) == (2 if MASKED else 3)
    rows = session.execute(sa.select(Person.email, func.count(Purchase.id), func.sum(Purchase.amount)).join(Person.purchases).group_by(Person.id)
                           .order_by(func.sum(Purchase.amount).desc()).limit(5)).all()
    check_emails(row[0] for row in rows)
    rank = func.row_number().over(partition_by=Purchase.person_id, order_by=Purchase.amount.desc()).label("rank")
    ranked = sa.select(Purchase.id, Purchase.contact_email, rank).subquery()
    assert len(session.execute(sa.select(ranked).where(ranked.c.rank == 1)).all()) == people()
    big = sa.select(Purchase.person_id).where(Purchase.amount > 100).distinct().cte("big")
    assert session.scalar(sa.select(func.count()).select_from(Person).where(Person.id.in_(sa.select(big.c.person_id)))) > 0
    tree = sa.select(Person.id, Person.boss_id, sa.literal(1).label("depth")).where(Person.boss_id.is_(None)).cte("tree", recursive=True)
    below = orm.aliased(Person)
    tree = tree.union_all(sa.select(below.id, below.boss_id, tree.c.depth + 1).join(tree, below.boss_id == tree.c.id))
    assert session.execute(sa.select(tree.c.depth, func.count()).group_by(tree.c.depth)).all()
    assert session.scalar(sa.select(func.count()).select_from(Person).where(Person.purchases.any(Purchase.status == "paid"))) == people()
    assert session.execute(sa.union(sa.select(Person.email), sa.select(Signup.email))).all()
    last = sa.select(Purchase.amount).where(Purchase.person_id == Person.id).order_by(Purchase.placed.desc()).limit(1).lateral("last")
    assert len(session.execute(sa.select(Person.email, last.c.amount).join(last, sa.true())).all()) == people()
    assert session.scalars(sa.select(Person.id).where(Person.tags.contains(["all"]), Person.tags.any("t1"), Person.mood == "mid")).all()
    assert session.scalars(sa.select(Purchase.id).where(Purchase.details["items"].as_integer() == 2, Purchase.details["tag"].astext == "t2")).all()
    assert session.scalar(sa.select(sa.exists().where(Person.country == "DE")))
    with session.execute(sa.select(Person.email).order_by(Person.id), execution_options={"stream_results": True, "yield_per": 17}) as result:
        check_emails(row[0] for part in result.partitions() for row in part)
    check_emails(p.email for p in session.scalars(sa.select(Person).execution_options(yield_per=11)))
    if MASKED:
        try:
            session.execute(sa.select(func.lower(Person.email)))
            raise SystemExit("not refused")
        except sa.exc.DBAPIError as error:
            assert "crm.person.email" in str(error), error
            session.rollback()


def writing(session):
    note = Note(title="one", mood="good", tags=["a", "b"], doc={"k": [1]}, lines=[Line(number=n, text=f"l{n}") for n in range(1, 4)])
    session.add(note)
    session.add_all(Note(title=f"n{n}") for n in range(30))
    session.flush()
    assert note.id and note.at.tzinfo and note.lines[0].id
    session.commit()
    assert note.title == "one" and [line.text for line in note.lines] == ["l1", "l2", "l3"]
    note.doc = {"k": 2}
    note.lines.pop()
    session.commit()
    session.execute(sa.insert(Note), [{"title": f"b{n}", "mood": "bad"} for n in range(40)])
    ids = session.scalars(sa.insert(Note).returning(Note.id, sort_by_parameter_order=True), [{"title": f"c{n}"} for n in range(40)]).all()
    assert len(ids) == 40 and ids == sorted(ids)
    statement = pg.insert(Note).values([{"title": "one", "mood": "bad"}, {"title": "two", "mood": "bad"}])
    statement = statement.on_conflict_do_update(index_elements=[Note.title], set_={"mood": statement.excluded.mood}).returning(Note.id, Note.mood)
    assert len(session.execute(statement, execution_options={"populate_existing": True}).all()) == 2
    session.execute(pg.insert(Note).values(title="one").on_conflict_do_nothing())
    assert session.execute(sa.update(Note).where(Note.title.like("b%")).values(mood="good", title=Note.title + "!").returning(Note.id)).all()
    session.execute(sa.update(Note), [{"id": note.id, "title": "uno"}, {"id": ids[0], "title": "due"}])
    session.bulk_update_mappings(Note, [{"id": ids[1], "title": "tre"}])
    session.bulk_save_objects([Note(title="bulk1"), Note(title="bulk2")])
    assert session.execute(sa.delete(Note).where(Note.title.like("c%")).returning(Note.title)).all()
    session.merge(Note(id=note.id, title="merged"))
    with session.begin_nested() as inner:
        session.add(Line(note_id=note.id, number=9))
        session.flush()
        inner.rollback()
    session.commit()
    locked = session.scalars(sa.select(Note).where(Note.title == "merged").with_for_update(skip_locked=True)).one()
    session.delete(locked)
    session.commit()
    assert session.scalar(sa.select(func.count()).select_from(Line)) == 0
    try:
        session.add(Note(title="two"))
        session.commit()
        raise SystemExit("no error")
    except sa.exc.IntegrityError as error:
        assert error.orig.sqlstate == "23505" if hasattr(error.orig, "sqlstate") else error.orig.pgcode == "23505"
        session.rollback()
    if not MASKED:
        person = Person(company_id=1, email="new@x", mood="low", tags=["t"], country="DE", full_name="New")
        session.add(person)
        session.flush()
        person.full_name = "Newer"
        session.flush()
        session.expire(person)
        assert person.full_name == "Newer" and person.created
        session.add(Purchase(person=person, placed=datetime.date(2024, 2, 3), amount=5, status="new", details={}))
        session.flush()
        session.delete(person.purchases[0])
        session.flush()
        session.rollback()
    elif True:
        session.add(Company(name="New", country="DE"))
        try:
            session.flush()
            raise SystemExit("not refused")
        except sa.exc.ProgrammingError as error:
            assert "crm" in str(error) and "write" in str(error), error
        session.rollback()


def frames(engine):
    frame = pandas.read_sql("SELECT * FROM crm.person ORDER BY id", engine, index_col="id", parse_dates=["created"])
    assert len(frame) == people() and (frame["full_name"] == "[name]").all() == MASKED
    check_emails(frame["email"])
    # Pseudonyms join and group outside of the database, too.
    signups = pandas.read_sql_table("signup", engine, schema="crm")
    assert len(frame.merge(signups, on="email")) == people() // 2
    chunks = list(pandas.read_sql_query(sa.select(Person.email, Person.score), engine.connect().execution_options(stream_results=True), chunksize=25))
    assert sum(map(len, chunks)) == people()
    frame = pandas.DataFrame({"a": [1, 2, 3], "b": ["x", None, "z"], "c": pandas.to_datetime(["2024-01-01"] * 3), "d": [1.5, None, 2.5], "e": [True, False, True]})
    name = f"frame_{DRIVER}"
    for how in ("replace", "append", "replace"):
        frame.to_sql(name, engine, schema="adhoc", if_exists=how, index=False)
    frame.to_sql(name, engine, schema="adhoc", if_exists="append", index=False, method="multi", chunksize=2)
    back = pandas.read_sql_table(name, engine, schema="adhoc")
    assert len(back) == 6 and back["b"].isna().sum() == 2, back
    signups.to_sql(name, engine, schema="adhoc", if_exists="replace")
    check_emails(pandas.read_sql_table(name, engine, schema="adhoc")["email"])


def made(connection):
    inspector = sa.inspect(connection)
    assert inspector.get_unique_constraints(Line.__tablename__, "adhoc")[0]["column_names"] == ["note_id", "number"]
    assert inspector.get_foreign_keys(Line.__tablename__, "adhoc")[0]["options"] == {"ondelete": "CASCADE"}


def main():
    engine = sa.create_engine(f"postgresql+{DRIVER}://", pool_pre_ping=True, connect_args={"options": "-c timezone=UTC"})
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    Base.metadata.create_all(engine)  # asks what there is
    with engine.connect() as connection:
        reflection(connection)
        made(connection)
        connection.rollback()
        assert connection.execution_options(isolation_level="AUTOCOMMIT").scalar(sa.text("SELECT 1")) == 1
    with engine.connect().execution_options(isolation_level="SERIALIZABLE", postgresql_readonly=True, postgresql_deferrable=True) as connection:
        assert connection.scalar(sa.text("SHOW transaction_isolation")) == "serializable"
    automap(engine)
    with Session(engine) as session:
        reading(session)
        writing(session)
    frames(engine)
    Base.metadata.drop_all(engine)
    engine.dispose()


async def asynchronous():
    engine = create_async_engine("postgresql+asyncpg://", pool_pre_ping=True)
    async with engine.connect() as connection:
        await connection.run_sync(Base.metadata.drop_all)
        await connection.run_sync(Base.metadata.create_all)
        await connection.run_sync(Base.metadata.create_all)
        await connection.commit()
        await connection.run_sync(reflection)
        await connection.run_sync(made)
        await connection.rollback()
        result = await connection.stream(sa.select(Person.email).order_by(Person.id))
        check_emails([row[0] async for row in result])
    async with AsyncSession(engine) as session:
        await session.run_sync(reading)
        await session.run_sync(writing)
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.drop_all)
    await engine.dispose()


if DRIVER == "asyncpg":
    asyncio.run(asynchronous())
else:
    main()
