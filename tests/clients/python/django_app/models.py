"""Tables of its own, made by migrations, and those of crm, as inspectdb finds them."""

from django.contrib.postgres.fields import ArrayField, DateRangeField
from django.contrib.postgres.indexes import GinIndex
from django.db import models


class Tag(models.Model):
    name = models.CharField(max_length=30, unique=True)


class Note(models.Model):
    class Mood(models.TextChoices):
        GOOD = "good"
        BAD = "bad"

    title = models.CharField(max_length=60, db_index=True)
    mood = models.CharField(max_length=4, choices=Mood.choices, null=True)
    doc = models.JSONField(default=dict)
    words = ArrayField(models.TextField(), default=list)
    weight = models.DecimalField(max_digits=8, decimal_places=2, null=True)
    made = models.DateTimeField(auto_now_add=True)
    changed = models.DateTimeField(auto_now=True)
    token = models.UUIDField(null=True, unique=True)
    blob = models.BinaryField(null=True)
    took = models.DurationField(null=True)
    tags = models.ManyToManyField(Tag, related_name="notes")
    parent = models.ForeignKey("self", models.SET_NULL, null=True, related_name="children")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["title", "mood"], name="one_title_in_a_mood"),
            models.CheckConstraint(condition=models.Q(weight__gte=0), name="weight_is_positive"),
            models.UniqueConstraint(fields=["title"], condition=models.Q(parent=None), name="one_root", deferrable=None),
        ]
        indexes = [GinIndex(fields=["doc"], name="note_doc"), models.Index(models.F("weight").desc(), name="note_weight")]


class Company(models.Model):
    name = models.TextField(unique=True)
    country = models.CharField(max_length=2, default="DE")
    founded = models.DateField(null=True)

    class Meta:
        managed = False
        db_table = 'crm"."company'


class Person(models.Model):
    company = models.ForeignKey(Company, models.CASCADE, related_name="people")
    boss = models.ForeignKey("self", models.SET_NULL, null=True, related_name="staff")
    email = models.TextField(unique=True)
    full_name = models.CharField(max_length=80, null=True)
    ssn = models.CharField(max_length=11, null=True)
    dob = models.DateField(null=True)
    salary = models.DecimalField(max_digits=10, decimal_places=2, null=True)
    ip = models.GenericIPAddressField(null=True)
    address = models.JSONField(null=True)
    device = models.UUIDField(null=True)
    tags = ArrayField(models.TextField(), default=list)
    active = models.BooleanField(default=True)
    score = models.FloatField(null=True)
    country = models.CharField(max_length=2)
    employed = DateRangeField(null=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        managed = False
        db_table = 'crm"."person'


class Purchase(models.Model):
    person = models.ForeignKey(Person, models.CASCADE, related_name="purchases")
    contact_email = models.TextField(null=True)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    placed = models.DateField()
    status = models.TextField(default="new")
    details = models.JSONField(default=dict)

    class Meta:
        managed = False
        db_table = 'crm"."purchase'


class Signup(models.Model):
    email = models.TextField(primary_key=True)
    source = models.TextField()

    class Meta:
        managed = False
        db_table = 'crm"."signup'
