"""Products at full width: exact to single precision, and only where torch's own are not."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from symbench import processor

ROUNDING = 2.0**-24
SIZES = st.integers(1, 90)
wide_here = pytest.mark.skipif(
    not processor.has_wide_products(), reason="an AMD processor with AVX-512 alone has them"
)


@pytest.fixture
def setting(monkeypatch):
    """Return torch's switch for the precision of oneDNN's products, as far as it is read here."""
    own = SimpleNamespace(fp32_precision="none")
    monkeypatch.setattr(processor, "_SETTING", own)
    return own


@pytest.fixture
def elsewhere(monkeypatch, setting):
    """Return what another processor would answer."""

    def answer(name="AMD EPYC", capability="AVX512", exact=True):
        monkeypatch.setattr(processor, "processor", lambda: name)
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
        monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
        monkeypatch.setattr(processor, "keeps_every_bit", lambda _: exact)
        processor._widens.cache_clear()
        return processor.has_wide_products()

    yield answer
    processor._widens.cache_clear()


def rounded_to(dtype):
    return lambda a, b: a.to(dtype).float() @ b.to(dtype).float()


def test_a_product_in_double_precision_keeps_every_bit():
    assert processor.keeps_every_bit(lambda a, b: (a.double() @ b.double()).float())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_product_of_rounded_factors_is_found_out(dtype):
    assert not processor.keeps_every_bit(rounded_to(dtype))


def test_a_batched_product_alone_may_be_the_one_that_rounds():
    rounded = rounded_to(torch.bfloat16)
    assert not processor.keeps_every_bit(lambda a, b: rounded(a, b) if a.dim() == 3 else a @ b)


def test_only_amds_processors_with_avx512_are_asked(elsewhere):
    assert elsewhere()
    assert not elsewhere(name="Intel(R) Xeon(R) Platinum 8480+")
    assert not elsewhere(capability="AVX2")
    assert not elsewhere(exact=False)


@pytest.mark.parametrize("chosen", ["tf32", "bf16"])
def test_a_precision_that_somebody_chose_is_left_alone(elsewhere, setting, chosen):
    assert elsewhere()
    setting.fp32_precision = chosen
    assert not processor.has_wide_products()


def test_an_older_torch_has_no_such_switch(elsewhere, monkeypatch):
    monkeypatch.setattr(processor, "_SETTING", None)
    assert not elsewhere()


def test_the_setting_is_put_back(setting):
    def fails():
        assert setting.fp32_precision == "bf16"
        raise KeyError

    with pytest.raises(KeyError), processor.wide_products():
        fails()
    assert setting.fp32_precision == "none"


def test_no_other_setting_of_torch_changes():
    before = torch.backends.cuda.matmul.allow_tf32
    if processor.has_wide_products():
        with processor.wide_products():
            assert torch.backends.mkldnn.matmul.fp32_precision == "bf16"
            assert torch.backends.cuda.matmul.allow_tf32 == before
    assert torch.get_float32_matmul_precision() == "highest"


@wide_here
@given(st.tuples(SIZES, SIZES, SIZES), st.integers(1, 3), *[st.booleans()] * 2, st.integers(0, 99))
def test_wide_products_err_by_no_more_than_single_precision_may(sizes, batch, left, right, seed):
    """|fl(AB) - AB| <= k u / (1 - k u) |A||B| in any order of summation (Higham 2002, (3.13))."""
    g, (m, k, n) = torch.Generator().manual_seed(seed), sizes
    a = torch.randn(batch, *((k, m) if left else (m, k)), generator=g)
    b = torch.randn(batch, *((n, k) if right else (k, n)), generator=g)
    a, b = a.mT if left else a, b.mT if right else b
    with processor.wide_products():
        together, single = torch.bmm(a, b), a[0] @ b[0]
    exact, room = a.double() @ b.double(), a.double().abs() @ b.double().abs()
    bound = k * ROUNDING / (1 - k * ROUNDING) * room + 1e-30
    assert ((together - exact).abs() <= bound).all()
    assert ((single - exact[0]).abs() <= bound[0]).all()
