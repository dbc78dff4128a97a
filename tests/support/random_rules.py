"""Customer rules of random campaigns, with mandatory candidates and contact history."""

from __future__ import annotations

import pyarrow as pa
from tests.support.random_tables import TableDraw

from couponry import CustomerRule


class RuleDraw(TableDraw):
    """Draws the customer rules of one campaign, and what they refer to."""

    def rules(self) -> list[CustomerRule]:
        rng = self.rng
        rules: list[CustomerRule] = []
        if self.shape == "none":
            return rules
        most: int | str
        least: int | str | None
        if self.chance(0.35, "slots by columns of customers"):
            most, least = "most", "least" if self.chance(0.6, "min by column") else None
        else:
            most = highest = int(rng.integers(1, 7))
            least = (
                int(rng.integers(0, highest + 1)) if self.chance(0.6, "min as a number") else None
            )
        rules.append(CustomerRule("slots", max=most, min=least))
        few = "few" if self.chance(0.2, "group bound by column") else int(rng.integers(1, 3))
        if self.shape in ("hierarchy", "windows", "roles", "channels", "crossing"):
            rules.append(CustomerRule("one per product", by="product", max=1))
        if self.shape == "hierarchy":
            rules.append(CustomerRule("brand", by="brand", max=2))
            if self.chance(0.5, "three levels"):
                rules.append(CustomerRule("supplier", by="supplier", max=3))
        if self.shape == "windows":
            rules.append(CustomerRule("brand", by="brand", max=few))
            rules.append(CustomerRule("first week", where={"day": {"min": 1, "max": 7}}, max=1))
            rules.append(CustomerRule("fortnight", where={"day": {"max": 14}}, max=2))
            rules.append(CustomerRule("month", where={"day": {"min": 1, "max": 28}}, max=4))
        if self.shape == "roles":
            if self.chance(0.5, "role mix by"):
                rules.append(CustomerRule("role mix", by="role", max=2))
            else:
                self.features.add("role mix where")
                rules.append(CustomerRule("rewards", where={"role": ["reward"]}, max=1))
                both = {"role": ["activation", "innovation"]}
                rules.append(CustomerRule("others", where=both, max=2))
        if self.shape == "channels":
            rules.append(CustomerRule("mail", where={"channel": ["mail", "email"]}, max=2))
            rules.append(
                CustomerRule("till", where={"channel": "till", "day": {"min": 8}}, max=few)
            )
        if self.shape == "crossing":
            rules.append(CustomerRule("brand", by="brand", max=1))
            if self.chance(0.6, "role mix crosses brand"):
                rules.append(CustomerRule("role mix", by="role", max=1))
            else:
                rules.append(CustomerRule("week", where={"day": {"min": 1, "max": 10}}, max=1))
                rules.append(CustomerRule("mail", where={"channel": ["mail", "app"]}, max=1))
        order = rng.permutation(len(rules))
        return [rules[i] for i in order]

    def all_rules(self, offers: pa.Table) -> list[CustomerRule]:
        """Rules that overlap, conflict, and ask for minimums, some of which not everybody can have."""
        rng = self.rng
        by_column = self.chance(0.5, "slots by columns of customers")
        most: int | str = "most" if by_column else int(rng.integers(2, 6))
        least: int | str | None = None
        if self.chance(0.5, "min of coupons"):
            least = "least" if by_column else int(rng.integers(1, 3))
        rules = [CustomerRule("slots", max=most, min=least)]
        for n in range(int(rng.integers(1, 4))):
            first, length = int(rng.integers(1, 20)), int(rng.integers(5, 14))
            window = {"day": {"min": first, "max": first + length}}
            self.features.add("overlapping windows")
            rules.append(CustomerRule(f"window {n}", where=window, max=int(rng.integers(1, 3))))
        if self.chance(0.7, "conflicts"):
            ids, days = offers["offer"].to_pylist(), offers["day"].to_pylist()
            lag, share = int(rng.integers(1, 4)), float(rng.choice([0.03, 0.1, 0.5]))
            pairs = [
                (ids[a], ids[b])
                for a in range(len(ids))
                for b in range(a)
                if abs(days[a] - days[b]) < lag and rng.random() < share
            ]
            if pairs:
                a, b = zip(*pairs, strict=True)
                table = pa.table({"offer_a": list(a), "offer_b": list(b)})
                rules.append(CustomerRule("never together", conflicts=table))
        if self.chance(0.5, "one per product"):
            rules.append(CustomerRule("one per product", by="product", max=1))
        if self.chance(0.4, "bound by column and group"):
            rules.append(CustomerRule("brand", by="brand", max="few"))
        if self.chance(0.5, "role mix with minimums"):
            low = int(rng.integers(0, 2))
            rules.append(CustomerRule("role mix", by="role", min=low, max=low + 1))
        if self.chance(0.4, "min where"):
            channels = {"channel": ["mail", "email"]}
            rules.append(CustomerRule("some post", where=channels, min=1))
        if self.chance(0.3, "min by a list column"):
            rules.append(CustomerRule("channels", by="channels", min=1, max=3))
        order = rng.permutation(len(rules))
        return [rules[i] for i in order]

    def with_mandatory(self, candidates: pa.Table) -> pa.Table:
        """Some candidates must be given, as far as rules allow."""
        if not self.chance(0.6, "mandatory candidates"):
            return candidates
        drawn = self.rng.random(candidates.num_rows)
        share = float(self.rng.choice([0.005, 0.03]))
        must = [None if d > 0.9 else bool(d < share) for d in drawn]
        return candidates.append_column("mandatory", pa.array(must, pa.bool_()))

    def history(self, offers: pa.Table, candidates: pa.Table) -> pa.Table | None:
        """What some customers have had: mostly candidates of theirs, some on another day than the offer's."""
        rng = self.rng
        if not self.chance(0.6, "history"):
            return None
        rows = rng.integers(0, candidates.num_rows, candidates.num_rows // 25)
        customer = candidates["customer"].take(pa.array(rows))
        offer = candidates["offer"].take(pa.array(rng.permutation(rows)))
        day = [int(d) if d <= 28 else None for d in rng.integers(1, 57, len(rows))]
        table = {"customer": customer, "offer": offer}
        if self.chance(0.5, "history with its own day"):
            table["day"] = pa.array(day, pa.int64())
        return pa.table(table)
