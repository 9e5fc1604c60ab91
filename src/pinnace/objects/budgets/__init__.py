"""What a namespace may use: how much an object counts for (`usage`), what quotas say to that (`ledger`), and
the limits of single pods and claims (`limits`).
"""
