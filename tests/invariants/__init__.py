"""The login flow as a state machine: any steps in any order, and what must hold after each (threats, I1 to I10)."""
