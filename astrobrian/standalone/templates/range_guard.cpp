{# USES_VARIABLES { N, t, _violation } #}
{# Records the first cell in which a watched variable is outside of its range, and ends the run. None ever is, as a
   rule: that is found out for a block of cells at once, and only if one is, which. #}
{% extends 'common_group.cpp' %}

{% block maincode %}
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}
    const int _N = {{constant_or_scalar('N', variables['N'])}};
    const int _block = 256;
    for (int _start = 0; _start < _N; _start += _block)
    {
        const int _stop = _N - _start < _block ? _N : _start + _block;
        int _any = 0;
        #pragma omp simd reduction(|: _any)
        for (int _idx = _start; _idx < _stop; _idx++)
        {
            const size_t _vectorisation_idx = _idx;
            {{vector_code|autoindent}}
            _any |= {% for name in watched %}_left_{{name}}{{' | ' if not loop.last}}{% endfor %};
        }
        if (!_any)
            continue;
        Network::_globally_stopped = true;
        for (int _idx = _start; _idx < _stop; _idx++)
        {
            const size_t _vectorisation_idx = _idx;
            {{vector_code|autoindent}}
            {% for name in watched %}
            if (_left_{{name}} && !{{_violation}}[0])
            {
                {{_violation}}[0] = {{loop.index}};
                {{_violation}}[1] = _idx;
                {{_violation}}[2] = {{name}};
                {{_violation}}[3] = {{t}};
            }
            {% endfor %}
        }
        break;
    }
{% endblock %}
