"""python verify_proof.py PROOF.json PUBLIC_KEY_HEX: was this event in the log when its seal was signed?"""

import hashlib
import json
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

proof = json.loads(Path(sys.argv[1]).read_text())
statement = proof["statement"].encode()
seal = json.loads(statement)
try:
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(sys.argv[2]))
    key.verify(bytes.fromhex(proof["signature"]), statement)
except (InvalidSignature, ValueError):
    sys.exit("NOT PROVED: the seal was not signed with this key")
digest, steps = hashlib.sha256(b"\0" + proof["event"].encode()).digest(), list(map(bytes.fromhex, proof["path"]))
place, last = proof["index"], seal["events"] - 1
while last > 0:  # up the tree; an odd one out has no neighbour and moves up as it is
    if place % 2 or place < last:
        step = steps.pop(0) if steps else b""
        digest = hashlib.sha256(b"\1" + (step + digest if place % 2 else digest + step)).digest()
    place, last = place // 2, last // 2
if steps or place or digest.hex() != seal["root"]:
    sys.exit("NOT PROVED: this event is not what was sealed")
print(f"proved: in the log by {seal['sealed_at']} (seal {seal['seal']}):\n{proof['event']}")
