from __future__ import annotations
def present(node): return False
def judge(node, obj, old): return []
