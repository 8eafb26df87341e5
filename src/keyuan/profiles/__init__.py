"""Who somebody is: identity, the portrait with its traits, and sealed contact fields.

`model` facts and values · `state` what is kept of a person and its fold · `traits` evaluation at an instant ·
`batch` the same traits by SQL over the whole log · `store` writes · `reads` questions · `contact` sealed fields.
Deliberately not here: consent. Whoever calls gives only facts that a person has agreed to.
"""
