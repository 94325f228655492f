"""A batch of HistFactory likelihoods of one shape, with analytic derivatives.

The expected rate of a bin is ν = Σ_q c_q(θ) U_q, a combination of fixed templates U with coefficients that
depend on the parameters: a histosys is linear in two templates, everything else is a factor. Bin-wise
parameters multiply ν afterwards; one per bin is profiled in closed form (gammas.py), the others are fitted
with the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.special import gammaln, xlogy

from darkreach.statistics.engine import interpolation
from darkreach.statistics.engine.gammas import NORMAL, POISSON, best_gamma, constraint_terms
from darkreach.statistics.engine.plan import ChannelPlan, Plan, plan_of
from darkreach.statistics.engine.workspace import Shape, Workspace

RATE_FLOOR = 1e-9  # events in a bin, below which the curvature of a bin no longer grows


@dataclass(frozen=True)
class Data:
    """Counts (rows, bins) and auxiliary measurements (rows, parameters; 0 where there is no constraint)."""

    counts: np.ndarray
    aux: np.ndarray

    @property
    def rows(self) -> int:
        return len(self.counts)

    def take(self, rows: np.ndarray) -> "Data":
        return Data(self.counts[rows], self.aux[rows])


@dataclass
class Evaluation:
    """Profiled −ln L: value (rows,), gradient (rows, dense), curvature (rows, dense, dense), parameters
    (rows, all).

    The value is relative to the saturated model and to the maxima of the constraints.
    """

    value: np.ndarray
    gradient: np.ndarray
    curvature: np.ndarray
    parameters: np.ndarray


@dataclass
class _ChannelTerms:
    """Value (rows,), dν/dθ (rows, dense, bins), n/ν and the information of each bin (rows, bins)."""

    value: np.ndarray
    slope: np.ndarray
    ratio: np.ndarray
    weight: np.ndarray


@dataclass(frozen=True)
class Model:
    """Workspaces of one shape. Each array has the rows first; one row serves any number of data sets."""

    shape: Shape
    templates: tuple[np.ndarray, ...]  # per channel (rows, templates, bins)
    log_normsys: np.ndarray  # (rows, normsys factors, 2)
    polynomial: np.ndarray  # (rows, normsys factors, 6)
    init: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    fixed: np.ndarray
    width: np.ndarray
    observed: Data

    @classmethod
    def stack(cls, workspaces: Sequence[Workspace]) -> "Model":
        """Batch of workspaces; all must have the same shape."""
        shape = workspaces[0].shape
        if any(w.shape != shape for w in workspaces):
            raise ValueError("only workspaces of one shape can be stacked")
        plan = plan_of(shape)
        normsys = np.array([w.normsys for w in workspaces])
        columns = {
            key: np.array([getattr(w, key) for w in workspaces])
            for key in ("init", "lower", "upper", "fixed", "width", "aux", "observed")
        }
        observed = Data(columns.pop("observed"), columns.pop("aux"))
        every = [_all_templates(w, plan) for w in workspaces]
        return cls(
            shape=shape,
            templates=tuple(
                np.array([[rows[q] for q in channel.templates] for rows in every])
                for channel in plan.channels
            ),
            log_normsys=np.log(normsys),
            polynomial=interpolation.factor_coefficients(normsys[..., 0], normsys[..., 1]),
            observed=observed,
            **columns,
        )

    @property
    def rows(self) -> int:
        return len(self.init)

    @cached_property
    def plan(self) -> Plan:
        return plan_of(self.shape)

    def take(self, rows: np.ndarray) -> "Model":
        """Some rows, repeated at will; a model of one row is left alone because it broadcasts."""
        if self.rows == 1:
            return self
        arrays = {
            key: getattr(self, key)[rows]
            for key in ("log_normsys", "polynomial", "init", "lower", "upper", "fixed", "width")
        }
        templates = tuple(t[rows] for t in self.templates)
        return replace(self, templates=templates, observed=self.observed.take(rows), **arrays)

    # -- rates ---------------------------------------------------------------------------------

    def coefficients(self, dense: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """c (rows, templates) and dc/dθ (rows, dense, templates) for dense parameters (rows, dense)."""
        plan, rows = self.plan, len(dense)
        processes = len(self.shape.processes)
        value = np.ones((rows, processes, plan.slots))
        slope = np.zeros((rows, processes, plan.slots))
        x = dense[:, plan.factor_dense]
        factor, derivative = x.copy(), np.ones_like(x)
        normsys = plan.factor_is_normsys
        factor[:, normsys], derivative[:, normsys] = interpolation.scale_factors(
            x[:, normsys],
            self.log_normsys[..., 0],
            self.log_normsys[..., 1],
            self.polynomial,
            self.shape.normsys_code,
        )
        value[:, plan.factor_process, plan.factor_slot] = factor
        slope[:, plan.factor_process, plan.factor_slot] = derivative
        product, others = _product_and_others(value)
        scale = np.zeros((rows, dense.shape[1], processes))
        scale[:, plan.factor_dense, plan.factor_process] = (others * slope)[
            :, plan.factor_process, plan.factor_slot
        ]

        weight = np.ones((rows, len(plan.template_process)))
        coefficient = product[:, plan.template_process]
        jacobian = scale[:, :, plan.template_process]
        if len(plan.entry_dense):
            a, b, da, db = interpolation.shape_weights(dense[:, plan.entry_dense], self.shape.histosys_code)
            for kind, (w, dw) in ((1, (a, da)), (2, (b, db))):
                q = np.flatnonzero(plan.template_weight == kind)
                entry = plan.template_entry[q]
                weight[:, q] = w[:, entry]
                jacobian[:, :, q] *= w[:, None, entry]
                jacobian[:, plan.entry_dense[entry], q] += coefficient[:, q] * dw[:, entry]
        return coefficient * weight, jacobian

    def expected(self, parameters: np.ndarray) -> np.ndarray:
        """Expected counts (rows, bins) at full parameter vectors (rows, parameters)."""
        plan = self.plan
        dense = parameters[:, plan.dense]
        coefficient, _ = self.coefficients(dense)
        rates = np.empty((len(parameters), self.shape.bins))
        for channel, templates in zip(plan.channels, self.templates, strict=True):
            scaled, plain = self._channel_rates(channel, templates, coefficient, dense)
            gamma = 1.0 if channel.gamma is None else parameters[:, channel.gamma]
            rates[:, channel.bins] = gamma * scaled + plain
        return rates

    @staticmethod
    def _channel_rates(
        channel: ChannelPlan, templates: np.ndarray, coefficient: np.ndarray, dense: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Rates that γ multiplies and those it does not, (rows, bins) each."""
        templates = _with_extras(channel, templates, dense)
        c = coefficient[:, None, channel.templates]
        k = channel.scaled
        return (_combine(c[..., :k], templates[:, :k])[:, 0], _combine(c[..., k:], templates[:, k:])[:, 0])

    def expected_data(self, parameters: np.ndarray) -> Data:
        """The Asimov data set of parameter vectors (rows, parameters): expected counts and auxiliary data."""
        kind = np.array(self.shape.constraints)
        aux = np.where(kind == NORMAL, parameters, np.where(kind == POISSON, parameters * self.width, 0.0))
        return Data(self.expected(parameters), aux)

    def logpdf(self, parameters: np.ndarray, data: Data) -> np.ndarray:
        """ln L (rows,), normalised as pyhf's Model.logpdf."""
        kind = np.array(self.shape.constraints)
        rates = self.expected(parameters)
        main = xlogy(data.counts, rates) - rates - gammaln(data.counts + 1.0)
        pull = (parameters - data.aux) / self.width
        normal = -0.5 * pull**2 - np.log(self.width * np.sqrt(2.0 * np.pi))
        factor_rate = np.where(kind == POISSON, parameters * self.width, 1.0)
        poisson = xlogy(data.aux, factor_rate) - factor_rate - gammaln(data.aux + 1.0)
        constraint = np.where(kind == NORMAL, normal, np.where(kind == POISSON, poisson, 0.0))
        return main.sum(axis=1) + constraint.sum(axis=1)

    # -- profiled likelihood -------------------------------------------------------------------

    @np.errstate(divide="ignore", invalid="ignore", over="ignore")  # steps into ν ≤ 0 are judged by the fit
    def evaluate(self, dense: np.ndarray, data: Data) -> Evaluation:
        """Profiled −ln L, its gradient and a positive curvature at dense parameters (rows, dense).

        The curvature is the observed information without second derivatives of the rates, which vanish for
        rates linear in the parameters and for a perfect fit.
        """
        coefficient, jacobian = self.coefficients(dense)
        parameters = np.empty((len(dense), len(self.shape.names)))
        parameters[:, self.plan.dense] = dense
        value, gradient, diagonal = self._constraints(dense, data)
        curvature = np.zeros((*dense.shape, dense.shape[1]))
        rank = np.arange(dense.shape[1])
        curvature[:, rank, rank] = diagonal
        for channel in range(len(self.templates)):
            part = self._channel(channel, coefficient, jacobian, dense, parameters, data)
            value = value + part.value
            gradient = gradient + (part.slope @ (1.0 - part.ratio)[:, :, None])[:, :, 0]
            curvature += (part.slope * part.weight[:, None, :]) @ part.slope.swapaxes(1, 2)
        return Evaluation(value, gradient, curvature, parameters)

    def score_weights(self, parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Expected counts (rows, bins), and the derivative of −gradient in the counts (rows, dense, bins).

        At counts that equal the expectation; what the profiled γ absorb is taken out.
        """
        data = self.expected_data(parameters)
        dense = parameters[:, self.plan.dense]
        coefficient, jacobian = self.coefficients(dense)
        parts = [
            self._channel(c, coefficient, jacobian, dense, parameters.copy(), data)
            for c in range(len(self.templates))
        ]
        return data.counts, np.concatenate([p.slope * p.weight[:, None, :] for p in parts], axis=2)

    def _channel(
        self,
        index: int,
        coefficient: np.ndarray,
        jacobian: np.ndarray,
        dense: np.ndarray,
        parameters: np.ndarray,
        data: Data,
    ) -> "_ChannelTerms":
        """Likelihood terms of one channel; puts its profiled γ into `parameters`."""
        channel, templates = self.plan.channels[index], self.templates[index]
        counts = data.counts[:, channel.bins]
        scaled, plain = self._channel_rates(channel, templates, coefficient, dense)
        if channel.gamma is None:
            gamma, penalty, stiffness = np.ones((1, 1)), np.zeros((1, 1)), np.full((1, 1), np.inf)
        else:
            gamma, penalty, stiffness = self._profile(channel, counts, scaled, plain, data)
            parameters[:, channel.gamma] = gamma
        ratio, deviance, weight = _poisson_terms(counts, gamma * scaled + plain)
        if channel.gamma is not None:  # what is left of the bin's information after γ is profiled
            weight = weight / (1.0 + weight * scaled**2 / stiffness)
        slope = self._channel_jacobian(channel, templates, coefficient, jacobian, dense, gamma)
        return _ChannelTerms((deviance + penalty).sum(axis=1), slope, ratio, weight)

    def _constraints(self, dense: np.ndarray, data: Data) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """−ln of the dense parameters' constraints: value (rows,), gradient, diagonal (rows, dense)."""
        plan = self.plan
        value, gradient, diagonal = np.zeros(len(dense)), np.zeros_like(dense), np.zeros_like(dense)
        kinds = np.array(self.shape.constraints)[plan.dense]
        for kind in (NORMAL, POISSON):
            j = np.flatnonzero(kinds == kind)
            if len(j):
                i = plan.dense[j]
                terms = constraint_terms(dense[:, j], kind, data.aux[:, i], self.width[:, i])
                value += terms[0].sum(axis=1)
                gradient[:, j], diagonal[:, j] = terms[1], terms[2]
        return value, gradient, diagonal

    def _profile(
        self, channel: ChannelPlan, counts: np.ndarray, scaled: np.ndarray, plain: np.ndarray, data: Data
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Best γ of each bin, its −ln constraint, and the constraint's curvature (∞ where γ cannot move)."""
        i, kind = channel.gamma, channel.gamma_kind
        aux, width = data.aux[:, i], self.width[:, i]
        lower, upper = self.lower[:, i], self.upper[:, i]
        best = best_gamma(counts, scaled, plain, kind, aux, width)
        gamma = np.where(self.fixed[:, i], self.init[:, i], np.clip(best, lower, upper))
        penalty, _, stiffness = constraint_terms(gamma, kind, aux, width)
        moves = ~self.fixed[:, i] & (gamma > lower) & (gamma < upper)
        return gamma, penalty, np.where(moves, stiffness, np.inf)

    @staticmethod
    def _channel_jacobian(
        channel: ChannelPlan,
        templates: np.ndarray,
        coefficient: np.ndarray,
        jacobian: np.ndarray,
        dense: np.ndarray,
        gamma: np.ndarray,
    ) -> np.ndarray:
        """dν/dθ at fixed γ, (rows, dense, bins)."""
        k, q = channel.scaled, channel.templates
        varied = _with_extras(channel, templates, dense)
        if k == len(q):
            slope = _combine(jacobian[:, :, q], varied) * gamma[:, None, :]
        else:
            slope = _combine(jacobian[:, :, q[k:]], varied[:, k:])
            if k:
                slope = slope + _combine(jacobian[:, :, q[:k]], varied[:, :k]) * gamma[:, None, :]
        for extra in channel.extras:
            others = _with_extras(channel, templates, dense, without=extra)
            by_template = coefficient[:, q, None] * others * extra.templates[:, None]
            by_template[:, :k] *= gamma[:, None, :]
            bins = np.arange(len(extra.dense))
            slope[:, extra.dense, bins] += by_template.sum(axis=1)
        return slope


def _all_templates(workspace: Workspace, plan: Plan) -> list[np.ndarray]:
    """The fixed templates of one workspace, in the order of the plan."""
    rows = []
    for p, entry, weight in zip(
        plan.template_process, plan.template_entry, plan.template_weight, strict=True
    ):
        nominal = workspace.nominal[p]
        if weight == 0:
            rows.append(nominal)
        else:
            rows.append(interpolation.shape_templates(nominal, *workspace.histosys[entry])[weight - 1])
    return rows


def _combine(coefficient: np.ndarray, templates: np.ndarray) -> np.ndarray:
    """(rows, n, templates) times (rows or 1, templates, bins); one big product if rows share them."""
    if len(templates) == 1:
        rows, n, q = coefficient.shape
        return (coefficient.reshape(rows * n, q) @ templates[0]).reshape(rows, n, -1)
    return coefficient @ templates


def _product_and_others(value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Product over the last axis, and for each slot the product of the others (zeros are allowed)."""
    others = np.ones_like(value)
    running = np.ones(value.shape[:-1])
    for i in range(value.shape[-1]):
        others[..., i] = running
        running = running * value[..., i]
    product, running = running, np.ones(value.shape[:-1])
    for i in range(value.shape[-1] - 1, -1, -1):
        others[..., i] *= running
        running = running * value[..., i]
    return product, others


def _with_extras(
    channel: ChannelPlan, templates: np.ndarray, dense: np.ndarray, without: object = None
) -> np.ndarray:
    """Templates times the bin-wise parameters that are fitted like any other."""
    for extra in channel.extras:
        if extra is not without:
            factor = np.where(extra.templates[:, None], dense[:, None, extra.dense], 1.0)
            templates = templates * factor
    return templates


def _poisson_terms(counts: np.ndarray, rates: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """n/ν, deviance/2 and curvature of −ln Pois(n | ν), (rows, bins) each.

    A bin without events takes any rate, even a negative one, as pyhf's likelihood does (diagnosis.py
    reports it); a bin with events makes the value infinite at ν ≤ 0. The curvature is n/ν² with a twentieth
    of the expected 1/ν mixed in, so that empty bins do not make it singular.
    """
    filled = counts > 0.0
    ratio = np.where(filled, counts / rates, 0.0)
    log = np.log(np.where(filled, rates / np.where(filled, counts, 1.0), 1.0))
    deviance = rates - counts - counts * log
    deviance[filled & ~(rates > 0.0)] = np.inf
    weight = (0.95 * ratio + 0.05) / np.maximum(np.abs(rates), RATE_FLOOR)
    return ratio, deviance, weight
