"""Options: Newton's method on the dual, and the curvature that it takes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NewtonOptions:
    """Newton's method on the dual, within a box about the prices."""

    damping: float = 1e-5
    """Share of a limit's curvature that is added to it at first. Limits that are sums of others would make the model
    singular without."""

    most_damping: float = 1e-4
    """The same, at most."""

    least_damping: float = 1e-8
    """The same, at least: it gives way where prices rise together and the dual has hardly any curvature."""

    damping_factor: float = 10.0
    """Factor by which damping changes."""

    underestimated: float = 1.5
    """Gain, in gains that the model promised, from which on damping is lowered."""

    curvature_floor: float = 1e-3
    """Share of the median curvature that counts for each limit when it is damped: where nothing near moves a limit, its
    price goes to the end of the box."""

    box: float = 1.0
    """First box about prices that are near, in bandwidths of the curvature per typical coupon."""

    far_box: float = 8.0
    """First box about prices that may be far off."""

    least_box: float = 0.02
    """Smallest box."""

    growth: float = 2.0
    """Factor by which a side of the box grows where a step was too short."""

    fast_growth: float = 4.0
    """The same where the slope is still steep at the end of the step."""

    shrinkage: float = 0.3
    """Factor on the step that becomes a side of the box where the step went too far."""

    failed_step_shrinkage: float = 0.7
    """Factor on all sides of the box after a step that gained nothing."""

    steep_slope: float = 0.5
    """Slope after a step, of the same sign, as a share of the slope before, from which on it is still steep."""

    overshot_slope: float = 0.5
    """Slope after a step, of the other sign, as a share of the slope before, from which on it went too far."""

    met_share: float = 2e-3
    """Share of what counts in a limit by which it may be off and still be met, as far as the box is concerned."""

    active_sets: int = 8
    """Active sets tried for one step, at most: a few more would gain a thousandth."""

    unsettled_share: float = 1 / 500
    """Share of the coordinates that may still change sides: what that is worth is far below the model's error."""

    restless_share: float = 1 / 20
    """The same where no fewer change sides than the time before: they go back and forth, and more tries settle few."""
    most_stretch: float = 2.0
    """Factor by which a limit's curvature is stretched or shrunk after a step under noise, at most, where its slope
    changed otherwise than foretold: a sample has few candidates of each limit. Without noise limits move one another
    too much for that to tell."""

    stretch_noise: float = 16.0
    """Coupons that are added to what a limit's activity changed by, and to what was foretold: some change by chance."""

    curvature_uses: int = 2
    """Steps that one curvature is good for, if they gain what it promises."""

    uses_under_noise: int = 4
    """The same under noise, where it is stretched after each of them."""

    prediction_error: float = 0.5
    """Share of the promised gain that the gain may differ by for the curvature to be used again."""

    fresh_curvature_ratio: int = 128
    """Candidates of a pass, for each in the sample for curvature, from which on a pass costs more than a curvature, so
    that each step is given a new one."""

    cg_steps: int = 300
    """Steps of conjugate gradients, at most."""

    cg_tolerance: float = 1e-2
    """Relative residual of conjugate gradients: far below what a sample's curvature is off."""


@dataclass(frozen=True)
class CurvatureOptions:
    """Second derivatives of the dual, estimated from the candidates whose decision is nearly tied.

    References
    ----------
    Loftsgaarden, Quesenberry, "A nonparametric estimate of a multivariate density function", 1965.
    """

    near_share: float = 1 / 16
    """Share of an item's candidates whose change costs less than the bandwidth.

    A wider one takes candidates that no step reaches for near; a narrower one rests on few.
    """

    nearest: int = 4
    """Candidates of an item within the bandwidth, at least, where there are as many."""

    candidates_per_cell: int = 8
    """Candidates of the sample for each item in a segment of customers, from which on segments have bandwidths of their
    own: fewer say less of a segment than all together do."""
