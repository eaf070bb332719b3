# SPDX-License-Identifier: Apache-2.0
"""Faults of the chip, of what is on it, and of what people did with it: the virtual card's, through real pcscd and OpenSC."""

import os

from laboratory import ELSEWHERE, HERE, OTHER_BRANCH, PORT, wait_until
from workstation import program


def silent(lab, fault="mute"):
    """The device is on the bus, and its card says nothing."""
    lab.begin()
    lab.card.remove()
    lab.card.fault(fault)
    if fault != "none":
        lab.card.insert()
    lab.await_device_finding("usb.no_token")


def begin_with(lab, fault):
    """The card is like that when it is plugged in."""
    lab.begin(inserted=False)
    lab.card.fault(fault)
    lab.card.insert()


def mute(lab):
    silent(lab)
    return lab.diagnosis()


def mute_on_two_computers(lab):
    silent(lab)
    previous = lab.save_elsewhere()
    return lab.diagnosis("--previous", previous)


def mute_twice_on_one_computer(lab):
    silent(lab)
    previous = lab.save("before.json")
    return lab.diagnosis("--previous", previous)


def mute_where_another_key_works(lab):
    lab.begin()
    lab.bind()
    other = lab.save("other.json")
    lab.tell(f"remove {PORT}")
    lab.card.remove()
    wait_until(lambda: lab.present_keys() == [], "the key is out")
    lab.card.fault("mute")
    lab.card.insert()
    lab.add_device(strings="Feitian;ePass2003;0002")
    lab.await_device_finding("usb.no_token")
    return lab.diagnosis("--previous", other)


def mute_here_in_order_elsewhere(lab):
    lab.key_in_order()
    previous = lab.save_elsewhere()
    lab.card.remove()
    wait_until(lambda: lab.present_keys() == [], "the key is out")
    lab.card.fault("mute")
    lab.card.insert()
    lab.await_device_finding("usb.no_token")
    return lab.diagnosis("--previous", previous)


def no_device_on_two_computers(lab):
    lab.start_pcscd()
    lab.configure()
    lab.start_on_bus()
    previous = lab.save_elsewhere()
    return lab.diagnosis("--previous", previous)


def no_device_on_two_virtual_machines(lab):
    """What is plugged in there is not seen before it is handed to them."""
    lab.start_pcscd()
    lab.configure()
    lab.start_on_bus()
    os.makedirs(os.path.join(lab.root, "sys/class/dmi/id"))
    with open(os.path.join(lab.root, "sys/class/dmi/id/sys_vendor"), "w", encoding="ascii") as file:
        file.write("VMware, Inc.\n")
    previous = lab.save_elsewhere()
    return lab.diagnosis("--previous", previous)


def card_not_in_its_reader(lab):
    silent(lab, "none")
    return lab.diagnosis()


def slow(lab):
    lab.begin(inserted=False)
    lab.card.fault("slow", delay_ms=20)
    lab.card.insert()
    lab.bind()
    return lab.diagnosis()


def no_certificate(lab):
    begin_with(lab, "missing_certificate")
    lab.await_keys(1)
    return lab.diagnosis()


def garbage_certificate(lab):
    """OpenSC shows no certificate then."""
    begin_with(lab, "garbage_certificate")
    lab.await_keys(1)
    return lab.diagnosis()


def locked(lab):
    begin_with(lab, "locked")
    lab.bind()
    return lab.diagnosis()


def last_try(lab):
    begin_with(lab, "last_try")
    lab.bind()
    return lab.diagnosis()


def default_pin(lab):
    key = lab.key_in_order()
    lab.sign()
    lab.pins_sent = lab.card.verify_count()
    wait_until(lambda: lab.key(key)["pin"]["default"], "the default PIN was seen")
    return lab.diagnosis()


def expired(lab):
    lab.begin("--not-before", "2025-01-01", "--not-after", "2025-12-31")
    lab.bind()
    return lab.diagnosis()


def not_yet_valid(lab):
    lab.begin("--not-before", "2046-01-01")
    lab.bind()
    return lab.diagnosis()


def unfit_key_usage(lab):
    lab.begin("--key-usage", "keyEncipherment")
    lab.await_keys(1)
    return lab.diagnosis()


def not_bound(lab):
    lab.begin()
    lab.await_keys(1)
    return lab.diagnosis()


def of_another_organisation(lab):
    """Bound to one; its new certificate is the other's."""
    key = lab.key_in_order()
    lab.card.remove()
    wait_until(lambda: lab.present_keys() == [], "the key is out")
    lab.issue(lab.card, OTHER_BRANCH)
    lab.card.tell(do="reload")
    lab.card.insert()
    lab.await_keys(1)
    wait_until(lambda: lab.key(key)["usb_port"] == PORT, "the key is at its port")
    return lab.diagnosis()


def revoked(lab):
    lab.begin(prepare=lambda: lab.run(program("virtual-ukey-ca"), "revoke", lab.path("ca"), lab.card.folder))
    lab.bind()
    return lab.diagnosis()


def returned(lab):
    key = lab.key_in_order()
    lab.ukeyctl("key", "return", "--yes", key)
    return lab.diagnosis()


def unknown_organisation(lab):
    lab.begin(name="中共重庆市涪陵区别处街道机关支部委员会")
    lab.await_keys(1)
    return lab.diagnosis()


# With the PIN, because it was asked for -------------------------------------------------------------------------------


def tested_in_order(lab):
    lab.key_in_order()
    diagnosis = lab.self_test("--times", "5")
    test = diagnosis["layers"][-1]
    assert test["found"].startswith("5 signatures"), test
    return diagnosis


def tested_in_order_rsa(lab):
    lab.key_in_order("--algorithm", "rsa2048")
    return lab.self_test()


def tested_in_order_with_encryption_key(lab):
    """Two certificates, as many U-Keys have: the second key pair decrypts."""
    lab.key_in_order("--algorithm", "rsa2048", "--dual")
    diagnosis = lab.self_test()
    assert diagnosis["layers"][-1]["found"].endswith("it decrypts"), diagnosis["layers"][-1]
    return diagnosis


def wrong_decryption(lab):
    lab.key_in_order("--algorithm", "rsa2048", "--dual")
    lab.card.fault("wrong_decryption")
    return lab.self_test()


def wrong_decryption_on_two_computers(lab):
    lab.key_in_order("--algorithm", "rsa2048", "--dual")
    lab.card.fault("wrong_decryption")
    lab.on_computer(ELSEWHERE)
    lab.self_test("--output", lab.path("elsewhere.json"))
    lab.on_computer(HERE)
    return lab.self_test("--previous", lab.path("elsewhere.json"), spent=2)


def wrong_signature(lab):
    lab.key_in_order()
    lab.card.fault("wrong_signature")
    return lab.self_test()


def mismatched_key(lab):
    lab.key_in_order()
    lab.card.fault("mismatched_key")
    return lab.self_test()


def removed_while_it_signs(lab):
    lab.key_in_order()
    lab.card.fault("remove_during_sign")
    return lab.self_test()


def tested_many_times(lab):
    """More than a pipe holds."""
    lab.key_in_order("--algorithm", "rsa2048")
    diagnosis = lab.self_test("--times", "300")
    assert diagnosis["layers"][-1]["found"].startswith("300 signatures"), diagnosis["layers"][-1]
    return diagnosis


def pcscd_out_of_the_persons_reach(lab):
    """The service has the key; the person's own process does not reach pcscd, on two computers."""
    lab.key_in_order()
    lab.environment["PCSCLITE_CSOCK_NAME"] = lab.path("nowhere.comm")
    lab.on_computer(ELSEWHERE)
    lab.self_test("--output", lab.path("elsewhere.json"), spent=0)
    lab.on_computer(HERE)
    return lab.self_test("--previous", lab.path("elsewhere.json"), spent=0)


def pin_of_another_length(lab):
    lab.key_in_order()
    return lab.self_test(pin="12", spent=0)


def wrong_pin(lab):
    lab.key_in_order()
    return lab.self_test(pin="654321")


def last_try_tested(lab):
    begin_with(lab, "last_try")
    lab.bind()
    return lab.self_test(spent=0)


def locked_tested(lab):
    begin_with(lab, "locked")
    lab.bind()
    return lab.self_test(spent=0)


FAULTS = [
    ("mute card", "try_another_computer", mute),
    ("mute card on two computers", "return_key", mute_on_two_computers),
    ("mute card, twice on one computer", "try_another_computer", mute_twice_on_one_computer),
    ("mute card, another key works here", "return_key", mute_where_another_key_works),
    ("silent here, in order elsewhere", "fix_this_computer", mute_here_in_order_elsewhere),
    ("no device on two computers", "return_key", no_device_on_two_computers),
    ("no device on two virtual machines", "try_another_computer", no_device_on_two_virtual_machines),
    ("card not in its reader", "try_another_computer", card_not_in_its_reader),
    ("in order, slow", "key_in_order", slow),
    ("no certificate", "user_action", no_certificate),
    ("garbage certificate", "user_action", garbage_certificate),
    ("PIN locked", "user_action", locked),
    ("last PIN try", "user_action", last_try),
    ("default PIN", "user_action", default_pin),
    ("expired certificate", "user_action", expired),
    ("certificate not yet valid", "user_action", not_yet_valid),
    ("certificate unfit for logins", "user_action", unfit_key_usage),
    ("not bound", "user_action", not_bound),
    ("of another organisation", "user_action", of_another_organisation),
    ("revoked certificate", "user_action", revoked),
    ("returned before", "user_action", returned),
    ("of an unknown organisation", "user_action", unknown_organisation),
    ("in order, tested", "key_in_order", tested_in_order),
    ("in order, tested, RSA", "key_in_order", tested_in_order_rsa),
    ("in order, tested, decrypts", "key_in_order", tested_in_order_with_encryption_key),
    ("wrong decryption", "try_another_computer", wrong_decryption),
    ("wrong decryption on two computers", "try_another_computer", wrong_decryption_on_two_computers),
    ("wrong signature", "return_key", wrong_signature),
    ("key is not the certificate's", "return_key", mismatched_key),
    ("pulled out while it signs", "try_another_computer", removed_while_it_signs),
    ("in order, tested 300 times", "key_in_order", tested_many_times),
    ("pcscd out of the person's reach", "fix_this_computer", pcscd_out_of_the_persons_reach),
    ("PIN of another length typed", "user_action", pin_of_another_length),
    ("wrong PIN typed", "user_action", wrong_pin),
    ("last PIN try, test asked for", "user_action", last_try_tested),
    ("PIN locked, test asked for", "user_action", locked_tested),
]
