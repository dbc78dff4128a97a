"""A customer's best choice by branches of all candidates, one after the other."""
