"""Who may do what: rules (`rule`), which of them an identity has (`register`), what nobody may grant
(`escalation`), and what every platform starts with (`policy`). The door to it is `objects.authorisation`.
"""
